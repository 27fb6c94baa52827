"""The models: closed bars in, proposals out. MODELS is the register of all of them."""

from collections.abc import Mapping

from quantum_trader.core.signals.ema_cross import EmaCross, EmaState
from quantum_trader.core.signals.model import (
    AnyModel,
    Model,
    ModelFactory,
    Signal,
    SignalSide,
    to_intent,
)
from quantum_trader.core.signals.trend import Trend, TrendState

MODELS: Mapping[str, ModelFactory] = {"ema_cross": EmaCross, "trend": Trend}
"""Every model by its name, with its usual parameters."""

ModelState = EmaState | TrendState
"""The state of any model for one symbol, told apart by its tag when read from JSON."""

__all__ = [
    "MODELS",
    "AnyModel",
    "EmaCross",
    "Model",
    "ModelFactory",
    "ModelState",
    "Signal",
    "SignalSide",
    "Trend",
    "to_intent",
]
