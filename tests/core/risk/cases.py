"""A world in which an entry may be taken, to be changed one thing at a time."""

from decimal import Decimal
from typing import Any

import msgspec

from quantum_trader.core.events import IntentProposed, MarketStateComputed
from quantum_trader.core.events.exits import LevelSet
from quantum_trader.core.instrument import Instrument, Tier
from quantum_trader.core.intent_edge import plan_id_of
from quantum_trader.core.risk.case import Draft, EntryCase
from tests.core.exits.contexts import a_plan

NOW_MS = 1_735_000_000_000
LEVELS = LevelSet(0.5, (0.01, 0.015, 0.02), 0.01, (0.4, 0.3, 0.3))


def an_instrument(**changes: Any) -> Instrument:
    """Return a symbol with a coarse market step and two margin tiers."""
    usual = Instrument(
        symbol="ETHUSDT",
        status="TRADING",
        tick=Decimal("0.01"),
        step=Decimal("0.001"),
        qty_min=Decimal("0.001"),
        qty_max=Decimal(10_000),
        market_step=Decimal("0.001"),
        market_qty_min=Decimal("0.001"),
        market_qty_max=Decimal(2_000),
        notional_min_usd=Decimal(20),
        price_min=Decimal("0.01"),
        price_max=Decimal(1_000_000),
        price_up_frac=Decimal("1.05"),
        price_down_frac=Decimal("0.95"),
        liquidation_fee_frac=Decimal("0.0125"),
        trigger_protect_frac=Decimal("0.05"),
        tiers=(
            a_tier(floor=0, cap=50_000, leverage=50, maint="0.01", cum=0),
            a_tier(floor=50_000, cap=500_000, leverage=10, maint="0.05", cum=2_000),
        ),
    )
    return msgspec.structs.replace(usual, **changes)


def a_tier(*, floor: int, cap: int, leverage: int, maint: str, cum: int) -> Tier:
    """Return a margin tier."""
    return Tier(
        floor_usd=Decimal(floor),
        cap_usd=Decimal(cap),
        leverage_max=leverage,
        maint_frac=Decimal(maint),
        cum_usd=Decimal(cum),
    )


def an_intent(**changes: Any) -> IntentProposed:
    """Return a LONG of ETHUSDT proposed a second ago."""
    usual = IntentProposed(
        id="i1",
        at_ms=NOW_MS - 1_000,
        trace_id="t1",
        account="main",
        symbol="ETHUSDT",
        side="LONG",
        signal_id="s1",
        strategy="test",
        source="test",
        confidence=None,
        entry_price=None,
        stop_loss=None,
        take_profit=None,
        notional_usd=Decimal(200),
        margin_usd=None,
        qty=None,
        leverage=10,
        atr_price=None,
        volatility_factor=None,
        exchange_divergence=None,
        funding_rate_frac=None,
        regime=None,
        reason=None,
    )
    return msgspec.structs.replace(usual, **changes)


def a_draft(**changes: Any) -> Draft:
    """Return the trade of 200 USDT at 10x with its stop one per cent away."""
    usual = Draft(
        side="LONG",
        leverage=10,
        reference_price=Decimal(2_000),
        qty=Decimal("0.1"),
        notional_usd=Decimal(200),
        margin_usd=Decimal(20),
        fee_usd=Decimal("0.08"),
        stop_price=Decimal(1_980),
        asked_stop=None,
        legs=(),
        risk_usd=Decimal(2),
        liquidation_price=Decimal(1_820),
        adaptive=LEVELS,
        effective=LEVELS,
        bounds=(),
        exit_plan=a_plan(),
    )
    return msgspec.structs.replace(usual, **changes)


def a_market_state(**changes: Any) -> MarketStateComputed:
    """Return a quiet market, computed a minute ago."""
    usual = MarketStateComputed(
        id="m1",
        at_ms=NOW_MS - 60_000,
        trace_id="",
        account="main",
        symbol="ETHUSDT",
        interval_ms=60_000,
        last_bar_ms=NOW_MS - 120_000,
        bars=257,
        sigma_frac=0.001,
        mu_frac=0.0,
        trend_strength=0.0,
        direction_persistence=0.0,
        variance_ratio=1.0,
        spike=1.0,
        p_trend=0.3,
        p_reversion=0.3,
        p_chop=0.4,
        regime="CHOP",
    )
    return msgspec.structs.replace(usual, **changes)


def a_case(**changes: Any) -> EntryCase:
    """Return a case that every gate lets pass."""
    intent = changes.get("intent", an_intent())
    usual = EntryCase(
        intent=intent,
        plan_id=plan_id_of(intent),
        now_ms=NOW_MS,
        instrument=an_instrument(),
        mark=Decimal(2_000),
        mark_age_ms=500,
        state=a_market_state(),
        duplicate=False,
        open_plan=None,
        open_positions=0,
        last_open_ms=None,
        last_close_ms=None,
        equity_usd=Decimal(1_000),
        available_usd=Decimal(1_000),
        gross_notional_usd=Decimal(0),
        quarantine=None,
        alert=None,
        safe_drain=False,
        kill_level="RUN",
        blocked=(),
        kill_score=0.2,
        kill_score_max=0.6,
        draft=a_draft(),
        draft_problem=None,
    )
    return msgspec.structs.replace(usual, **changes)
