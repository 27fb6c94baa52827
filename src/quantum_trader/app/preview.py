"""What would become of an entry that somebody thinks of: the draft that the trader would make."""

import math
from decimal import Decimal

import msgspec

from quantum_trader.core.events import IntentProposed, MarketStateComputed
from quantum_trader.core.events.intents import UNSAID
from quantum_trader.core.exits.performance import PerformanceBook
from quantum_trader.core.exits.plan import PlanRegime
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.market.state import (
    DAY_MS,
    DRIFT_BARS,
    SIGMA_DAILY_REFERENCE_FRAC,
    TREND_T,
)
from quantum_trader.core.risk.case import Draft
from quantum_trader.core.risk.draft import Ask, Problem, draft_entry
from quantum_trader.core.rules import Rules
from quantum_trader.core.units import Side

NAME = "preview"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry and the market around it; None is missing.

    ``notional_usd`` is set where the size was told in money; ``qty`` is what that comes to.
    ``volatility_factor`` is volatility over its reference of 2 % a day, ``trend`` from -1 to 1.
    """

    instrument: Instrument
    side: Side
    leverage: int
    entry_price: Decimal
    qty: Decimal
    notional_usd: Decimal | None
    confidence: float | None
    regime: PlanRegime | None
    volatility_factor: float | None
    trend: float | None
    funding_rate_frac: float | None
    divergence: float | None


def preview(entry: Entry, rules: Rules) -> Draft | Problem:
    """Size, levels, ladder and exit plan by these rules. No gate is asked; no results are known.

    Raises ``ValueError`` for NaN and infinity, and ``ConfigError`` for a policy nobody knows.
    """
    return draft_entry(
        Ask(
            intent=_intent(entry, rules.account),
            plan_id=NAME,
            now_ms=0,
            side=entry.side,
            leverage=entry.leverage,
            instrument=entry.instrument,
            mark=entry.entry_price,
            equity_usd=rules.deposit_usd,
            available_usd=rules.deposit_usd,
            funding_rate_frac=entry.funding_rate_frac,
            volatility_factor=entry.volatility_factor,
            divergence=entry.divergence,
            market=_market(entry),
            kill_score=None,
            performance=PerformanceBook(),
            risk_mode=rules.exits.risk_mode,
            rules=rules,
        )
    )


def _intent(entry: Entry, account: str) -> IntentProposed:
    intent = IntentProposed(
        id=NAME,
        at_ms=0,
        trace_id=NAME,
        account=account,
        symbol=entry.instrument.symbol,
        side=entry.side,
        signal_id=NAME,
        strategy=NAME,
        source=NAME,
        confidence=entry.confidence,
        entry_price=entry.entry_price,
        notional_usd=entry.notional_usd,
        leverage=entry.leverage,
        reason=None,
        **UNSAID,
    )
    return msgspec.structs.replace(
        intent,
        qty=entry.qty if entry.notional_usd is None else None,
        regime=entry.regime,
    )


def _market(entry: Entry) -> MarketStateComputed | None:
    """Daily bars as volatile and as trending as was said; None where neither was.

    An exit plan looks at these two alone. With a trend and nothing else, volatility is usual.
    """
    factor, trend = entry.volatility_factor, entry.trend
    if factor is None and trend is None:
        return None
    sigma_frac = SIGMA_DAILY_REFERENCE_FRAC * (1.0 if factor is None else factor)
    strength = (trend or 0.0) * TREND_T / math.sqrt(DRIFT_BARS)
    return MarketStateComputed(
        id=NAME,
        at_ms=0,
        trace_id=NAME,
        account="",
        symbol=entry.instrument.symbol,
        interval_ms=DAY_MS,
        last_bar_ms=0,
        bars=0,
        sigma_frac=sigma_frac,
        mu_frac=strength * sigma_frac,
        trend_strength=strength,
        direction_persistence=0.0,
        variance_ratio=1.0,
        spike=0.0,
        p_trend=0.0,
        p_reversion=0.0,
        p_chop=0.0,
        regime="",
    )
