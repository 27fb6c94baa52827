"""What exit plans of tests are made from: one position to change by hand, and many made up."""

from typing import Any

from hypothesis import strategies as st

from quantum_trader.core.exits.levels import LevelInputs, adaptive
from quantum_trader.core.exits.plan_inputs import Hints, PlanInputs

NOW_MS = 1_735_041_600_000

LEVELS = adaptive(
    LevelInputs(
        side="LONG",
        leverage=10.0,
        volatility_factor=1.0,
        funding_rate_frac=None,
        divergence=None,
    )
)


def inputs(**changes: Any) -> PlanInputs:
    """A LONG at 100 with leverage 10 in a normal market; what is not said is missing."""
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "position_id": "p1",
        "side": "LONG",
        "strategy": "trend",
        "entry_price": 100.0,
        "leverage": 10.0,
        "notional_usd": 1_000.0,
        "risk_mode": "NORMAL",
        "regime": "NORMAL",
        "volatility_frac": 0.02,
        "volatility_factor": None,
        "trend": 0.0,
        "funding_rate_frac": None,
        "divergence": None,
        "liquidity_usd": None,
        "signal_confidence": 0.75,
        "adaptive": LEVELS,
        "stop_max_frac": None,
        "now_ms": NOW_MS,
    }
    return PlanInputs(**{**values, **changes})


def _perhaps(low: float, high: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(low, high)


HINTS = st.builds(
    Hints,
    tp_frac=_perhaps(0.0001, 0.9),
    sl_frac=_perhaps(0.0001, 0.9),
    trail_callback_frac=_perhaps(0.0001, 0.9),
    confidence=_perhaps(0, 1),
)
INPUTS = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["LONG", "SHORT"]),
        "leverage": st.floats(1, 125),
        "notional_usd": _perhaps(1, 1e6),
        "risk_mode": st.sampled_from(["NORMAL", "CONSERVATIVE", "CRITICAL"]),
        "regime": st.none() | st.sampled_from(["NORMAL", "VOLATILE", "TRENDING", "RANGE_BOUND"]),
        "volatility_frac": _perhaps(0, 0.3),
        "volatility_factor": _perhaps(0, 3),
        "trend": _perhaps(-1, 1),
        "funding_rate_frac": _perhaps(-1, 1),
        "divergence": _perhaps(-1, 3),
        "liquidity_usd": _perhaps(0, 1e9),
        "signal_confidence": _perhaps(0, 1),
        "stop_max_frac": _perhaps(0.001, 0.1),
        "hints": HINTS,
    }
).map(lambda values: inputs(**values))
