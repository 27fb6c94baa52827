"""What a guard does that sees the account and nothing else: it protects or closes what nobody does.

It knows no plan, no market and no strategy. A position that has stood for the grace without stops
for all of it gets one that is far away and yet inside the liquidation price; where the venue takes
none, it is closed. Under FLATTEN everything is closed. ``Reduction`` cannot express an order that
opens, so neither can the guard.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.cover import covered_qty, liquidation_of, opens
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.instrument import Filters
from quantum_trader.core.orders.guardian_ids import is_guardians
from quantum_trader.core.units import (
    ONE,
    ZERO,
    OrderSide,
    ceil_to,
    exit_order_side,
    floor_to,
    side_of,
)
from quantum_trader.core.venue import RestingOrder, VenueAccount, VenuePosition

WOULD_TRIGGER = -2021
"""The venue's code for a stop whose trigger the market has passed already."""
REFUSALS_MAX = 2
"""So many refused stops are enough: then the position is closed."""
DIGITS_WITHOUT_GRID = 4
"""Significant digits of a trigger where the grid is not known; as a rule the grid is finer."""


class GuardSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When the guard acts. All times are on a clock that nobody sets.

    ``grace_ms`` must be longer than the trader's own time to protect or to flatten, so that the two
    do not meet. After an order the guard leaves the symbol alone for ``settle_ms``. The stop lies
    ``distance_frac`` of the mark away, or ``liquidation_frac`` of the way to the liquidation price
    where that is nearer.
    """

    look_ms: int = 2_000
    grace_ms: int = 5_000
    settle_ms: int = 4_000
    distance_frac: Decimal = Decimal("0.04")
    liquidation_frac: Decimal = Decimal("0.5")


class Reduction(msgspec.Struct, frozen=True, kw_only=True):
    """An order against what is held, and never for more. A stop has a trigger, a close has none.

    ``held`` is signed; the side of the order follows from it. ``qty`` None is a stop that closes
    whatever stands when it is met. Raises ``ValueError`` for anything that does not reduce.
    """

    symbol: str
    held: Decimal
    qty: Decimal | None
    trigger_price: Decimal | None
    why: str

    def __post_init__(self) -> None:
        if not self.held:
            raise ValueError(f"{self.symbol}: nothing is held, so nothing can be reduced")
        if self.qty is None:
            if self.trigger_price is None:
                raise ValueError(f"{self.symbol}: a close at market needs its quantity")
        elif not ZERO < self.qty <= abs(self.held):
            raise ValueError(f"{self.symbol}: {self.qty} of {self.held} cannot be reduced")

    @property
    def side(self) -> OrderSide:
        """The side that reduces."""
        return exit_order_side(side_of(self.held))

    def request(self, client_order_id: str) -> OrderRequest:
        """The order, under a name."""
        return OrderRequest(
            client_order_id=client_order_id,
            symbol=self.symbol,
            side=self.side,
            kind="MARKET" if self.trigger_price is None else "STOP_MARKET",
            qty=ZERO if self.qty is None else self.qty,
            price=None,
            trigger_price=self.trigger_price,
            reduce_only=True,
            close_position=self.qty is None,
        )


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """Take back an order that rests: one of ours that is not needed, or one that would open."""

    symbol: str
    client_order_id: str
    why: str


Act = Reduction | Withdrawal
Outcome = Literal["done", "refused", "not_sent", "unknown"]


class _Noted(msgspec.Struct):
    """What the guard remembers of one symbol."""

    bare_since_ms: int | None = None
    covered_since_ms: int | None = None
    refused: int = 0
    quiet_until_ms: int = 0


class Guard:
    """Looks at one account again and again; all its memory is since when things are as they are.

    ``filters`` are the grids of symbols; one that has none is traded by significant digits.
    """

    def __init__(
        self, settings: GuardSettings | None = None, filters: Mapping[str, Filters] | None = None
    ) -> None:
        self.settings = settings or GuardSettings()
        self._filters = filters or {}
        self._noted: dict[str, _Noted] = {}
        self._flatten_since_ms: int | None = None

    def look(self, account: VenueAccount, level: KillLevel, now_ms: int) -> list[Act]:
        """What is to be done about an account at a time; mostly nothing."""
        self._note_level(level, now_ms)
        held = {one.symbol: one for one in account.positions if one.qty}
        self._noted = {symbol: self._noted.get(symbol, _Noted()) for symbol in held}
        for position in held.values():
            self._note(position, account.open_orders, now_ms)
        acts: list[Act] = [*self._withdrawn(account.open_orders, held, now_ms)]
        for position in held.values():
            act = self._reduction(position, account.open_orders, now_ms)
            acts += [] if act is None else [act]
        return acts

    def told(self, act: Act, outcome: Outcome, code: int, now_ms: int) -> None:
        """What came of an act. Only what never left may be tried again at once."""
        noted = self._noted.get(act.symbol)
        if noted is None or isinstance(act, Withdrawal) or outcome == "not_sent":
            return
        if outcome != "refused":
            noted.quiet_until_ms = now_ms + self.settings.settle_ms
        elif act.trigger_price is not None:
            noted.refused = REFUSALS_MAX if code == WOULD_TRIGGER else noted.refused + 1

    def next_look_ms(self, now_ms: int) -> int:
        """The usual time, or the moment before it at which a grace is over."""
        since = [noted.bare_since_ms for noted in self._noted.values()]
        begun = [one for one in (*since, self._flatten_since_ms) if one is not None]
        ends = [one + self.settings.grace_ms for one in begun]
        return min((now_ms + self.settings.look_ms, *(one for one in ends if one > now_ms)))

    @property
    def bare(self) -> list[str]:
        """Symbols that stood without stops for all of it at the last look."""
        return [symbol for symbol, noted in self._noted.items() if noted.bare_since_ms is not None]

    def _note_level(self, level: KillLevel, now_ms: int) -> None:
        if level != "FLATTEN":
            self._flatten_since_ms = None
        elif self._flatten_since_ms is None:
            self._flatten_since_ms = now_ms

    def _note(self, position: VenuePosition, orders: Sequence[RestingOrder], now_ms: int) -> None:
        """Since when somebody covers all of it, and since when nobody does, us included."""
        noted, size = self._noted[position.symbol], abs(position.qty)
        others = [one for one in orders if not is_guardians(one.order.client_order_id)]
        if covered_qty(position, others) < size:
            noted.covered_since_ms = None
        elif noted.covered_since_ms is None:
            noted.covered_since_ms = now_ms
        if covered_qty(position, orders) >= size:
            noted.bare_since_ms, noted.refused = None, 0
        elif noted.bare_since_ms is None:
            noted.bare_since_ms = now_ms

    def _withdrawn(
        self, orders: Sequence[RestingOrder], held: Mapping[str, VenuePosition], now_ms: int
    ) -> Iterator[Withdrawal]:
        for resting in orders:
            order = resting.order
            why = None
            if is_guardians(order.client_order_id):
                why = self._needless(order, held.get(order.symbol), now_ms)
            elif self._is_over(self._flatten_since_ms, now_ms) and opens(order):
                why = "flatten: it would open"
            if why is not None:
                yield Withdrawal(
                    symbol=order.symbol, client_order_id=order.client_order_id, why=why
                )

    def _needless(
        self, order: OrderRequest, position: VenuePosition | None, now_ms: int
    ) -> str | None:
        """Why a stop of ours may go; None while it is needed."""
        if position is None:
            return "nothing is held any more"
        if order.side != exit_order_side(side_of(position.qty)):
            return "the position has turned round"
        if self._is_over(self._noted[position.symbol].covered_since_ms, now_ms):
            return "others cover the position"
        return None

    def _reduction(
        self, position: VenuePosition, orders: Sequence[RestingOrder], now_ms: int
    ) -> Reduction | None:
        noted = self._noted[position.symbol]
        if now_ms < noted.quiet_until_ms:
            return None
        if self._is_over(self._flatten_since_ms, now_ms):
            return self._close(position, "flatten")
        if not self._is_over(noted.bare_since_ms, now_ms):
            return None
        if noted.refused >= REFUSALS_MAX:
            return self._close(position, "no stop is taken")
        trigger = self._trigger(position)
        if trigger is None:
            return self._close(position, "no price fits between the mark and the liquidation")
        bare_qty = abs(position.qty) - covered_qty(position, orders)
        # The first try closes whatever will stand, the second says how much: venues differ.
        qty = None if not noted.refused else self._qty(position.symbol, bare_qty)
        return Reduction(
            symbol=position.symbol,
            held=position.qty,
            qty=qty,
            trigger_price=trigger,
            why=f"{bare_qty:f} of {abs(position.qty):f} had no stop",
        )

    def _close(self, position: VenuePosition, why: str) -> Reduction:
        return Reduction(
            symbol=position.symbol,
            held=position.qty,
            qty=self._qty(position.symbol, abs(position.qty)),
            trigger_price=None,
            why=why,
        )

    def _qty(self, symbol: str, qty: Decimal) -> Decimal:
        """As much of it as one order may have; the next look sees to the rest."""
        filters = self._filters.get(symbol)
        if filters is None:
            return qty
        return floor_to(min(qty, filters.market_qty_max), filters.market_step) or qty

    def _trigger(self, position: VenuePosition) -> Decimal | None:
        """Where the stop goes: on the grid, between the liquidation and the mark; None for nowhere.

        Raises nothing for a strange liquidation price: one on the wrong side counts as none.
        """
        mark, level = position.mark, liquidation_of(position)
        reach = mark * self.settings.distance_frac
        if level is not None:
            reach = min(reach, abs(mark - level) * self.settings.liquidation_frac)
        filters = self._filters.get(position.symbol)
        tick = _coarse_tick(mark) if filters is None else filters.tick
        is_long = position.qty > 0
        price = floor_to(mark - reach, tick) if is_long else ceil_to(mark + reach, tick)
        inside = level is None or (price > level if is_long else price < level)
        fits = price > 0 and (price < mark if is_long else price > mark)
        return price if inside and fits else None

    def _is_over(self, since_ms: int | None, now_ms: int) -> bool:
        return since_ms is not None and now_ms - since_ms >= self.settings.grace_ms


def _coarse_tick(price: Decimal) -> Decimal:
    """A step that a grid nobody told us about divides, as a rule."""
    return ONE.scaleb(price.adjusted() + 1 - DIGITS_WITHOUT_GRID)
