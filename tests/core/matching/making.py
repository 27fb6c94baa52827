"""What the tests of the simulated venue are made of: an instrument, orders, facts, a desk."""

from decimal import Decimal

import msgspec

from quantum_trader.core.events import CandleClosed, FundingRatePublished, MarkPriced, Tick
from quantum_trader.core.events.orders import OrderKind, OrderRequest
from quantum_trader.core.instrument import Instrument, Tier
from quantum_trader.core.matching.advance import advance
from quantum_trader.core.matching.desk import Desk, open_desk
from quantum_trader.core.matching.orders import configure, place
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.matching.state import Market
from quantum_trader.core.units import OrderSide
from quantum_trader.core.venue import Accepted, VenueFill, VenueFunding

SYMBOL = "ABCUSDT"
OTHER = "XYZUSDT"
MINUTE_MS = 60_000
T0_MS = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS


def d(text: str | int) -> Decimal:
    """A decimal, shortly."""
    return Decimal(text)


def tier(floor: int, cap: int, leverage: int, maint: str, cum: int) -> Tier:
    """A margin tier."""
    return Tier(
        floor_usd=d(floor),
        cap_usd=d(cap),
        leverage_max=leverage,
        maint_frac=d(maint),
        cum_usd=d(cum),
    )


def an_instrument(symbol: str = SYMBOL, status: str = "TRADING") -> Instrument:
    """Tick 0.1, step 0.01; 1 % maintenance up to 50,000 USDT and 2.5 % above."""
    return Instrument(
        symbol=symbol,
        status=status,
        tick=d("0.1"),
        step=d("0.01"),
        qty_min=d("0.02"),
        qty_max=d(10_000),
        market_step=d("0.01"),
        market_qty_min=d("0.02"),
        market_qty_max=d(2_000),
        notional_min_usd=d(5),
        price_min=d("0.5"),
        price_max=d(100_000),
        price_up_frac=d("1.1"),
        price_down_frac=d("0.9"),
        liquidation_fee_frac=d("0.0125"),
        trigger_protect_frac=None,
        tiers=(tier(0, 50_000, 50, "0.01", 0), tier(50_000, 250_000, 20, "0.025", 750)),
    )


RULES = MatchingRules(
    instruments={SYMBOL: an_instrument(), OTHER: an_instrument(OTHER)},
    deposit_usd=d(10_000),
    slippage_ticks=0,
)


def rules(**changes: object) -> MatchingRules:
    """The rules of the tests, without slippage, with changes."""
    return msgspec.structs.replace(RULES, **changes)


def candle(
    minute: int,
    prices: tuple[float, float, float, float],
    symbol: str = SYMBOL,
) -> CandleClosed:
    """The bar (open, high, low, close) of a minute after the beginning."""
    open_ms = T0_MS + minute * MINUTE_MS
    return CandleClosed(
        id=f"{symbol}/{minute}",
        at_ms=open_ms + MINUTE_MS,
        symbol=symbol,
        source="recorded",
        interval_ms=MINUTE_MS,
        open_ms=open_ms,
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=1.0,
    )


def flat_candle(minute: int, price: float, symbol: str = SYMBOL) -> CandleClosed:
    """A minute in which the price stood still."""
    return candle(minute, (price, price, price, price), symbol)


def tick(at_ms: int, price: float) -> Tick:
    """A public trade, so many ms after the beginning."""
    return Tick(
        id=f"t{at_ms}", at_ms=T0_MS + at_ms, symbol=SYMBOL, source="recorded", price=price, qty=1.0
    )


def mark(at_ms: int, price: float, symbol: str = SYMBOL) -> MarkPriced:
    """A mark price, so many ms after the beginning."""
    return MarkPriced(
        id=f"m{at_ms}",
        at_ms=T0_MS + at_ms,
        symbol=symbol,
        source="recorded",
        mark=price,
        funding_rate_frac=None,
        next_funding_ms=None,
    )


def funding(at_ms: int, rate: str) -> FundingRatePublished:
    """A settlement, so many ms after the beginning."""
    return FundingRatePublished(
        id=f"f{at_ms}", at_ms=T0_MS + at_ms, symbol=SYMBOL, source="recorded", rate_frac=d(rate)
    )


def order(
    name: str,
    side: OrderSide,
    kind: OrderKind,
    qty: str,
    at: str | None = None,
    *,
    reduce_only: bool = False,
) -> OrderRequest:
    """An order; ``at`` is its limit or its trigger."""
    price = None if at is None else d(at)
    return OrderRequest(
        client_order_id=name,
        symbol=SYMBOL,
        side=side,
        kind=kind,
        qty=d(qty),
        price=price if kind == "LIMIT" else None,
        trigger_price=price if kind not in ("LIMIT", "MARKET") else None,
        reduce_only=reduce_only,
    )


def a_desk(*, leverage: int = 10, price: float = 100.0, **changes: object) -> Desk:
    """A desk whose market stands at a price, ready for orders."""
    desk = open_desk(rules(**changes))
    configure(desk, SYMBOL, leverage)
    advance(desk, flat_candle(0, price))
    return desk


def market(desk: Desk) -> Market:
    """The market of the tests."""
    return desk.state.markets[SYMBOL]


def buy(desk: Desk, qty: str = "10") -> None:
    """Open a long position at the market."""
    assert isinstance(place(desk, order("entry", "BUY", "MARKET", qty)), Accepted)


def sell(desk: Desk, qty: str = "10") -> None:
    """Open a short position at the market."""
    assert isinstance(place(desk, order("entry", "SELL", "MARKET", qty)), Accepted)


def rest(desk: Desk, *orders: OrderRequest) -> None:
    """Place orders that must be accepted."""
    for one in orders:
        placed = place(desk, one)
        assert isinstance(placed, Accepted), placed


def fills(desk: Desk) -> list[tuple[str, str, str]]:
    """The fills so far: client id, quantity, price."""
    return [
        (one.client_order_id, f"{one.qty.normalize():f}", f"{one.price.normalize():f}")
        for one in desk.updates
        if isinstance(one, VenueFill)
    ]


def kinds(desk: Desk) -> list[str]:
    """The reports so far, as kind and client id."""
    return [f"{type(one).__name__[5:].lower()} {one.client_order_id}" for one in desk.updates]


def fees_and_funding_usd(desk: Desk) -> Decimal:
    """What was received in funding less what was paid in fees."""
    total = d(0)
    for one in desk.updates:
        if isinstance(one, VenueFill):
            total -= one.fee_usd
        elif isinstance(one, VenueFunding):
            total += one.payment_usd
    return total
