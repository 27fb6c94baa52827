"""Hard caps: the last question before an order leaves, whatever was decided before it.

They are not the limits that an entry is judged by (``core/risk``); they are what stands when those,
or the code around them, are wrong. Only orders that may add risk are asked. Everything is counted
here, at the door, and what is not known counts against the order.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.units import ZERO, signed_qty, usd_text
from quantum_trader.core.venue import VenueAccount

MINUTE_MS = 60_000
SEEN_AGE_MAX_MS = 15_000
"""An account that was seen longer ago than this is not known any more."""


class Caps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one account may never exceed. Raises ``ConfigError`` for a cap that caps nothing.

    ``order_usd_max`` is the notional of one order, ``gross_usd_max`` of all positions and entries
    under way, longs plus shorts. ``loss_usd_max`` is what equity may fall since the
    system was started. ``symbols`` are those that may be entered; None allows all that are traded.
    """

    order_usd_max: Decimal
    gross_usd_max: Decimal
    loss_usd_max: Decimal
    orders_per_minute_max: int = 20
    open_orders_max: int = 100
    leverage_max: int = 10
    symbols: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse caps without a bound, or that allow nothing."""
        for name in ("order_usd_max", "gross_usd_max", "loss_usd_max"):
            value = getattr(self, name)
            if not value.is_finite() or value <= 0:
                raise ConfigError(f"caps: {name} must be an amount above 0, not {value}")
        for name in ("orders_per_minute_max", "open_orders_max", "leverage_max"):
            if getattr(self, name) < 1:
                raise ConfigError(f"caps: {name} must be at least 1")
        if self.order_usd_max > self.gross_usd_max:
            raise ConfigError("caps: order_usd_max must not exceed gross_usd_max")

    def exceeded_by(self, wanted: "Caps") -> tuple[str, ...]:
        """The names of the caps that ``wanted`` would lift above these; empty when none is."""
        names = [name for name in _NUMBERS if getattr(wanted, name) > getattr(self, name)]
        if self.symbols is not None:
            beyond = wanted.symbols is None or bool(set(wanted.symbols) - set(self.symbols))
            names += ["symbols"] if beyond else []
        return tuple(names)


_NUMBERS = (
    "order_usd_max",
    "gross_usd_max",
    "loss_usd_max",
    "orders_per_minute_max",
    "open_orders_max",
    "leverage_max",
)


class Sent(msgspec.Struct, frozen=True):
    """An order that left: when, what it may add, and in which symbol."""

    at_ms: int
    symbol: str
    usd: Decimal


class Door(msgspec.Struct, kw_only=True):
    """What the door remembers.

    ``account`` is the newest one that was seen, ``seen_ms`` when; ``equity_from_usd`` is what the
    loss is measured from. ``sent`` are orders of the last minute, and those that the account did
    not show yet. ``leverages`` are as they were last set.
    """

    account: VenueAccount | None = None
    seen_ms: int = 0
    equity_from_usd: Decimal | None = None
    sent: list[Sent] = []
    leverages: dict[str, int] = {}


def equity_usd(account: VenueAccount) -> Decimal:
    """Wallet and unrealised profit of an account as its venue shows it."""
    return account.wallet_usd + sum((one.unrealized_usd for one in account.positions), ZERO)


def adds_risk(order: OrderRequest) -> bool:
    """Whether an order can open or grow a position."""
    return not (order.reduce_only or order.close_position)


def note_account(door: Door, account: VenueAccount, now_ms: int) -> None:
    """The account was seen: what left before is in it, or will never be."""
    door.account, door.seen_ms = account, now_ms
    if door.equity_from_usd is None:
        door.equity_from_usd = equity_usd(account)


def note_sent(door: Door, order: OrderRequest, price: Decimal, now_ms: int) -> None:
    """An order is about to leave; from here on it counts, whatever becomes of it."""
    door.sent = [one for one in door.sent if one.at_ms > now_ms - MINUTE_MS]
    door.sent.append(Sent(now_ms, order.symbol, order.qty * price))


def refusals(
    caps: Caps, door: Door, order: OrderRequest, price: Decimal | None, now_ms: int
) -> tuple[str, ...]:
    """Every cap that an order would break, as sentences with the numbers; empty when none.

    ``price`` is the mark, or the limit of the order; without one nobody knows what it is worth.
    """
    account = door.account
    if account is None or now_ms - door.seen_ms > SEEN_AGE_MAX_MS:
        return ("the account was not seen lately, so what it holds is not known",)
    if price is None or not price > 0:
        return (f"there is no price for {order.symbol}, so what the order is worth is not known",)
    return (
        *_symbol(caps, door, order),
        *_notional(caps, door, order.qty * price, account),
        *_counts(caps, door, account, now_ms),
        *_loss(caps, door, account),
    )


def _symbol(caps: Caps, door: Door, order: OrderRequest) -> tuple[str, ...]:
    found = []
    if caps.symbols is not None and order.symbol not in caps.symbols:
        found.append(f"{order.symbol} is not among the symbols that may be entered")
    leverage = door.leverages.get(order.symbol)
    if leverage is None:
        found.append(f"the leverage of {order.symbol} is not known")
    elif leverage > caps.leverage_max:
        found.append(f"leverage {leverage} is above the cap of {caps.leverage_max}")
    return tuple(found)


def _notional(caps: Caps, door: Door, usd: Decimal, account: VenueAccount) -> tuple[str, ...]:
    found = []
    if usd > caps.order_usd_max:
        found.append(f"{usd_text(usd)} is above the cap of {usd_text(caps.order_usd_max)} an order")
    gross_usd = usd + _held_usd(account) + _coming_usd(door, account)
    if gross_usd > caps.gross_usd_max:
        cap = usd_text(caps.gross_usd_max)
        found.append(f"all together {usd_text(gross_usd)} is above the cap of {cap}")
    return tuple(found)


def _counts(caps: Caps, door: Door, account: VenueAccount, now_ms: int) -> tuple[str, ...]:
    found = []
    lately = sum(one.at_ms > now_ms - MINUTE_MS for one in door.sent)
    if lately >= caps.orders_per_minute_max:
        found.append(f"{lately} orders left within a minute, {caps.orders_per_minute_max} may")
    if len(account.open_orders) >= caps.open_orders_max:
        found.append(f"{len(account.open_orders)} orders are open, {caps.open_orders_max} may be")
    return tuple(found)


def _loss(caps: Caps, door: Door, account: VenueAccount) -> tuple[str, ...]:
    lost_usd = loss_usd(door, account)
    if lost_usd is None:
        return ("what was lost so far is not known",)
    if lost_usd >= caps.loss_usd_max:
        return (f"{usd_text(lost_usd)} was lost, {usd_text(caps.loss_usd_max)} may be",)
    return ()


def loss_usd(door: Door, account: VenueAccount) -> Decimal | None:
    """What equity fell since it was first looked at; negative for a gain, None before that."""
    if door.equity_from_usd is None:
        return None
    return door.equity_from_usd - equity_usd(account)


def _held_usd(account: VenueAccount) -> Decimal:
    """Gross notional of the positions at mark."""
    return sum((abs(one.qty) * one.mark for one in account.positions), ZERO)


def _coming_usd(door: Door, account: VenueAccount) -> Decimal:
    """What entries at rest, and those that left after the account was seen, may still add."""
    marks: Mapping[str, Decimal] = {one.symbol: one.mark for one in account.positions}
    resting = ZERO
    for one in account.open_orders:
        order = one.order
        price = order.price or order.trigger_price or marks.get(order.symbol)
        if adds_risk(order) and price is not None:
            resting += abs(signed_qty(order.side, order.qty - one.filled_qty)) * price
    return resting + sum((one.usd for one in door.sent if one.at_ms >= door.seen_ms), ZERO)
