"""What the simulated venue knows: one account, its orders and positions, the last prices."""

from decimal import Decimal

import msgspec

from quantum_trader.core.books.position import FLAT, Position
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.matching.rules import MarginMode, MatchingRules
from quantum_trader.core.units import ZERO, decimal_of


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order at rest. It is met once the price is at ``reach``, or ``above`` (else below) it.

    ``reach`` is a float because every bar is compared with it. ``filled_qty`` has traded already.
    """

    number: int
    request: OrderRequest
    placed_ms: int
    reach: float
    above: bool
    filled_qty: Decimal = ZERO

    @property
    def conditional(self) -> bool:
        """It waits for a trigger and then takes liquidity; otherwise it rests in the book."""
        return self.request.trigger_price is not None

    @property
    def left_qty(self) -> Decimal:
        """What may still trade."""
        return self.request.qty - self.filled_qty


class Market(msgspec.Struct, kw_only=True):
    """One symbol: prices, our orders, our position.

    ``bar_ms`` is the open of the last bar taken, ``marks_until_ms`` until when mark prices come so
    often that they alone decide about liquidation. ``isolated_usd`` is the part of the wallet that
    stands for this position; ``liquidation`` the price at which it is lost, isolated mode only.
    ``margin_mode`` is None where the rules of the desk decide.
    """

    symbol: str
    leverage: int
    at_ms: int = 0
    bar_ms: int = -1
    mark_ms: int = 0
    marks_until_ms: int = 0
    funding_ms: int = 0
    last: float | None = None
    mark: float | None = None
    orders: list[OpenOrder]
    position: Position = FLAT
    opened_ms: int = 0
    isolated_usd: Decimal = ZERO
    liquidation: float | None = None
    margin_mode: MarginMode | None = None


class VenueState(msgspec.Struct, kw_only=True):
    """The whole venue of one account. ``seq``, ``trades`` and ``placed`` only ever count up.

    ``at_ms`` is the time of the newest market fact: the only clock the venue has. ``wallet_usd``
    is the deposit plus everything realised, less fees, plus funding.
    """

    wallet_usd: Decimal
    markets: dict[str, Market]
    at_ms: int = 0
    seq: int = 0
    trades: int = 0
    placed: int = 0


def is_isolated(rules: MatchingRules, market: Market) -> bool:
    """Whether a position stands alone, with nothing behind it but its own wallet."""
    return (market.margin_mode or rules.margin_mode) == "isolated"


def mark_of(market: Market) -> Decimal:
    """The price a position is valued at. A position cannot exist before the first price."""
    value = market.last if market.mark is None else market.mark
    if value is None:
        raise BrokenInvariant(f"{market.symbol} is valued without a price")
    return decimal_of(value)
