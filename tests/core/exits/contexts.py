"""Moments of positions: one to change by hand, a strategy that makes many, and their mirrors."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.exits.context import ExitContext, ExitMemory, MarketPicture
from quantum_trader.core.exits.plan import ExitLeg, ExitPlan, TrailSpec
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.units import Side, decimal_of, sign_of

NOW_MS = 1_735_041_600_000
MINUTE_MS = 60_000
FINE: Instrument = msgspec.structs.replace(
    DEFAULT_INSTRUMENTS["SOLUSDT"], tick=decimal_of(0.015625)
)
"""An instrument with a tick that a float holds exactly: what is equal stays equal in a mirror."""
PRICE_STEPS = 64
"""Prices of the strategy are multiples of 1/64, so that reflecting them loses nothing."""
TRAIL = TrailSpec(callback_frac=0.015, activation_r=1.0, tightening=((3.0, 0.01),))

CALM = MarketPicture(
    sigma_frac=0.001,
    trend_strength=0.1,
    p_trend=0.6,
    p_reversion=0.2,
    p_chop=0.2,
    regime="trend",
    atr_frac=0.004,
    volatility_rank=0.5,
)


def a_leg(kind: str, size_frac: float, trigger_frac: float | None, **changes: Any) -> ExitLeg:
    """A leg of a plan for tests."""
    values: dict[str, Any] = {
        "r_multiple": None,
        "priority": 0,
        "condition": "STAGED",
        "reason": "for a test",
        **changes,
    }
    return ExitLeg(kind=kind, size_frac=size_frac, trigger_frac=trigger_frac, **values)  # type: ignore[arg-type]


def a_plan(**changes: Any) -> ExitPlan:
    """A plan with three targets that take everything, and a stop at 1 %."""
    values: dict[str, Any] = {
        "symbol": "SOLUSDT",
        "position_id": "p1",
        "side": "LONG",
        "entry_price": 100.0,
        "strategy": "STANDARD_LADDER",
        "profile": "NORMAL_DEFAULT",
        "risk_mode": "NORMAL",
        "regime": "NORMAL",
        "source": "test",
        "reason": "for a test",
        "confidence": 0.7,
        "tp_frac": 0.03,
        "sl_frac": 0.01,
        "legs": (
            a_leg("TP", 0.3, 0.01, priority=1),
            a_leg("TP", 0.3, 0.02, priority=2),
            a_leg("TP", 0.4, 0.03, priority=3),
            a_leg("SL", 1.0, -0.01),
        ),
        "created_ms": NOW_MS - 10 * MINUTE_MS,
        "expires_ms": NOW_MS + 1_440 * MINUTE_MS,
    }
    return ExitPlan(**{**values, **changes})


def a_runner_plan(trail: TrailSpec = TRAIL, **changes: Any) -> ExitPlan:
    """A plan with one target; the rest runs on behind a trailing stop."""
    legs = (
        a_leg("TP", 0.3, 0.01, priority=1),
        a_leg("TRAIL", 0.7, None, priority=2, condition="CONDITIONAL", trail=trail),
        a_leg("SL", 1.0, -0.01),
    )
    return a_plan(**{"legs": legs, **changes})


def a_context(**changes: Any) -> ExitContext:
    """A LONG of 8 at 100 with its stop at 99 (one R is 1.0), ten minutes old, at entry.

    Costs are powers of two, so that a threshold can be met exactly. ``side="SHORT"`` alone turns
    the signs; prices are the caller's.
    """
    sign = sign_of(changes.get("side", "LONG"))
    values: dict[str, Any] = {
        "symbol": "SOLUSDT",
        "position_id": "p1",
        "side": "LONG",
        "sign": sign,
        "qty": sign * 8.0,
        "initial_qty": 8.0,
        "entry_price": 100.0,
        "initial_stop": 100.0 - sign,
        "stop": 100.0 - sign,
        "best": 100.0,
        "worst": 100.0,
        "opened_ms": NOW_MS - 10 * MINUTE_MS,
        "now_ms": NOW_MS,
        "stage": 0,
        "resting": (),
        "targets": (),
        "leverage": 5,
        "liquidation_price": 100.0 - 16.0 * sign,
        "instrument": FINE,
        "mark": 100.0,
        "mark_age_ms": 1_000,
        "market": CALM,
        "market_ms": NOW_MS - MINUTE_MS,
        "market_at_entry": CALM,
        "funding_rate_frac": 0.0001,
        "funding_interval_ms": 480 * MINUTE_MS,
        "next_funding_ms": NOW_MS + 240 * MINUTE_MS,
        "taker_frac": 0.0004,
        "spread_frac": 0.0001,
        "fees_usd": 0.32,
        "funding_usd": 0.0,
        "risk_mode": "NORMAL",
        "confidence": 0.7,
        "performance": None,
        "divergence": None,
        "heat": None,
        "hold_max_ms": 240 * MINUTE_MS,
        "plan": a_plan(),
        "memory": ExitMemory(),
    }
    return ExitContext(**{**values, **changes})


def changed(context: ExitContext, **changes: Any) -> ExitContext:
    """The same moment with something else about it."""
    return msgspec.structs.replace(context, **changes)


def mirror(context: ExitContext) -> ExitContext:
    """The same moment of the other side: every price reflected at entry, every sign turned.

    Whatever a rule says about one, it has to say about the other.
    """
    centre = 2.0 * context.entry_price
    side: Side = "SHORT" if context.sign > 0 else "LONG"

    def reflected(price: float | None) -> float | None:
        return None if price is None else centre - price

    return changed(
        context,
        side=side,
        sign=-context.sign,
        qty=-context.qty,
        initial_stop=centre - context.initial_stop,
        stop=reflected(context.stop),
        best=centre - context.best,
        worst=centre - context.worst,
        targets=tuple(centre - price for price in context.targets),
        liquidation_price=reflected(context.liquidation_price),
        mark=reflected(context.mark),
        market=_turned(context.market),
        market_at_entry=_turned(context.market_at_entry),
        funding_rate_frac=None if context.funding_rate_frac is None else -context.funding_rate_frac,
        plan=msgspec.structs.replace(context.plan, side=side),
    )


def scaled(context: ExitContext, factor: float) -> ExitContext:
    """The same moment of a position so many times as large, at a venue with steps as much larger.

    A factor that is a power of two changes nothing but the size.
    """
    size = decimal_of(factor)
    venue = context.instrument
    sizes = ("step", "qty_min", "qty_max", "market_step", "market_qty_min", "market_qty_max")
    return changed(
        context,
        qty=context.qty * factor,
        initial_qty=context.initial_qty * factor,
        fees_usd=context.fees_usd * factor,
        funding_usd=context.funding_usd * factor,
        instrument=msgspec.structs.replace(
            venue, **{name: getattr(venue, name) * size for name in sizes}
        ),
    )


def _turned(market: MarketPicture | None) -> MarketPicture | None:
    if market is None:
        return None
    return msgspec.structs.replace(market, trend_strength=-market.trend_strength)


fractions = st.floats(0.0, 1.0)
pictures = st.builds(
    MarketPicture,
    sigma_frac=st.floats(1e-6, 0.1),
    trend_strength=st.floats(-2.0, 2.0),
    p_trend=fractions,
    p_reversion=fractions,
    p_chop=fractions,
    regime=st.sampled_from(("trend", "reversion", "chop")),
    atr_frac=st.none() | st.floats(1e-5, 0.1),
    volatility_rank=st.none() | fractions,
)
plans = st.sampled_from(
    (
        a_plan(),
        a_runner_plan(),
        a_runner_plan(profile="CHALLENGE_100"),
        a_plan(legs=(a_leg("SL", 1.0, -0.01),)),
        a_plan(strategy="EMERGENCY_EXIT", legs=(a_leg("EMERGENCY", 1.0, None),)),
    )
)
memories = st.builds(
    ExitMemory,
    kill_streak=st.integers(0, 5),
    kill_at_ms=st.integers(NOW_MS - 3 * MINUTE_MS, NOW_MS),
    stop_moved_ms=st.just(0) | st.integers(NOW_MS - 10_000, NOW_MS),
    crossed_ms=st.none() | st.integers(NOW_MS - 10_000, NOW_MS),
)


class _Prices:
    """Prices around one entry, on the grid: gains in basis points of it, for one side."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.entry = draw(st.integers(50 * PRICE_STEPS, 50_000 * PRICE_STEPS))
        self.sign = draw(st.sampled_from((1, -1)))

    def at(self, gain_bps: int) -> float:
        return (self.entry + self.sign * (self.entry * gain_bps // 10_000)) / PRICE_STEPS

    def between(self, least_bps: int, most_bps: int) -> float:
        return self.at(self.draw(st.integers(least_bps, most_bps)))

    def maybe(self, least_bps: int, most_bps: int) -> float | None:
        return self.between(least_bps, most_bps) if self.draw(st.integers(0, 5)) else None

    def fields(self) -> dict[str, Any]:
        """Every price of a position, in an order that prices can have come to be in."""
        sign, mark = self.sign, self.maybe(-1_500, 1_500)
        targets = sorted(self.draw(st.lists(st.integers(1, 1_500), max_size=3)))
        seen = [self.at(0), self.between(0, 1_500), self.between(-1_500, 0)]
        seen += [] if mark is None else [mark]
        return {
            "entry_price": self.at(0),
            "initial_stop": self.between(-500, 20),
            "stop": self.maybe(-500, 1_000),
            "mark": mark,
            "best": sign * max(sign * price for price in seen),
            "worst": sign * min(sign * price for price in seen),
            "targets": tuple(self.at(each) for each in targets),
            "liquidation_price": self.maybe(-5_000, 100),
        }


@st.composite
def exit_contexts(draw: st.DrawFn) -> ExitContext:
    """Any moment a position of ours can be in, the unlikely ones included.

    Among them: a stop at entry (R is not defined), no stop, no mark, liquidation beyond the stop or
    in profit, a position already past every target, and one smaller than the smallest order.
    """
    prices = _Prices(draw)
    side: Side = "LONG" if prices.sign > 0 else "SHORT"
    initial_qty = draw(st.integers(1, 4_000)) / 64
    stage = draw(st.integers(0, 3))
    opened_ms = NOW_MS - draw(st.integers(0, 400)) * MINUTE_MS
    plan = msgspec.structs.replace(
        draw(plans), side=side, entry_price=prices.at(0), created_ms=opened_ms
    )
    return a_context(
        **prices.fields(),
        side=side,
        qty=prices.sign * initial_qty * draw(st.integers(1, 64)) / 64,
        initial_qty=initial_qty,
        opened_ms=opened_ms,
        stage=stage,
        resting=tuple(each for each in range(stage + 1, 4) if draw(st.booleans())),
        leverage=draw(st.integers(1, 125)),
        mark_age_ms=draw(st.none() | st.integers(0, 3_600_000)),
        market=draw(st.none() | pictures),
        market_at_entry=draw(st.none() | pictures),
        funding_rate_frac=draw(st.none() | st.floats(-0.02, 0.02)),
        next_funding_ms=draw(st.none() | st.integers(NOW_MS - 600_000, NOW_MS + 600_000)),
        spread_frac=draw(st.floats(0.0, 0.005)),
        funding_usd=draw(st.floats(-5.0, 5.0)),
        risk_mode=draw(st.sampled_from(("NORMAL", "NORMAL", "CRITICAL", "ESS_ACTIVE"))),
        heat=draw(st.none() | fractions),
        plan=plan,
        memory=draw(memories),
    )
