"""What the simulated venue knows: one account, its orders and positions, the last prices."""

from decimal import Decimal

import msgspec

from quantum_trader.core.books.position import FLAT, Position
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.matching.rules import LEVERAGE_UNSET, MatchingRules
from quantum_trader.core.units import ZERO
from quantum_trader.core.venue import AnyVenueUpdate, OrderState, VenueCancel, VenueOrder

REDUCE_ONLY_ENDED = "position is flat"


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order at rest. It is met once the price is at ``reach``, or ``above`` (else below) it.

    ``reach`` is a float because every bar is compared with it.
    """

    request: OrderRequest
    number: int
    placed_ms: int
    reach: float
    above: bool

    @property
    def conditional(self) -> bool:
        """It waits for a trigger and then takes liquidity; otherwise it rests in the book."""
        return self.request.kind != "LIMIT"


class Market(msgspec.Struct, kw_only=True):
    """One symbol: prices, our orders, our position.

    ``bar_ms`` is the open of the last bar taken, ``marks_until_ms`` until when mark prices come so
    often that they alone decide about liquidation. ``isolated_usd`` is the part of the wallet that
    stands for this position; ``liquidation`` the price at which it is lost, isolated mode only.
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


class VenueState(msgspec.Struct, kw_only=True):
    """The whole venue of one account. ``seq``, ``trades`` and ``placed`` only ever count up.

    ``wallet_usd`` is the deposit plus everything realised, less fees, plus funding.
    """

    wallet_usd: Decimal
    markets: dict[str, Market]
    at_ms: int = 0
    seq: int = 0
    trades: int = 0
    placed: int = 0


class Effects(msgspec.Struct):
    """What a step did: the venue's reports in order, and the orders that came to their end."""

    updates: list[AnyVenueUpdate]
    ended: list[VenueOrder]


def opened(rules: MatchingRules) -> VenueState:
    """A new account with nothing but its deposit."""
    return VenueState(wallet_usd=rules.deposit_usd, markets={})


def nothing() -> Effects:
    """Effects to be filled by a step."""
    return Effects([], [])


def market_of(state: VenueState, rules: MatchingRules, symbol: str) -> Market:
    """The market of a symbol, made when it is first needed. ``KeyError`` without instrument."""
    market = state.markets.get(symbol)
    if market is None:
        leverage_max = rules.instruments[symbol].tiers[0].leverage_max
        market = Market(symbol=symbol, leverage=min(LEVERAGE_UNSET, leverage_max), orders=[])
        state.markets[symbol] = market
    return market


def next_seq(state: VenueState) -> int:
    """The number of the venue's next report."""
    state.seq += 1
    return state.seq


def end_order(order: OpenOrder, how: OrderState, filled_qty: Decimal, effects: Effects) -> None:
    """Remember how an order ended, for those who ask later."""
    name = order.request.client_order_id
    effects.ended.append(
        VenueOrder(
            client_order_id=name,
            venue_order_id=str(order.number),
            state=how,
            filled_qty=filled_qty,
        )
    )


def cancel_order(
    state: VenueState, market: Market, order: OpenOrder, reason: str, effects: Effects
) -> None:
    """Take an order out of the book and report it."""
    market.orders.remove(order)
    end_order(order, "canceled", ZERO, effects)
    effects.updates.append(
        VenueCancel(
            seq=next_seq(state),
            at_ms=state.at_ms,
            symbol=market.symbol,
            client_order_id=order.request.client_order_id,
            reason=reason,
        )
    )
