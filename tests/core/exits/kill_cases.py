"""Markets and moments to score: with a position, against it, and nothing in particular."""

from typing import Any

import msgspec

from quantum_trader.core.exits.context import ExitContext, MarketPicture
from quantum_trader.core.exits.kill_score import acting, acting_components
from quantum_trader.core.exits.settings import KillSettings
from tests.core.exits.contexts import a_context

USUAL = KillSettings()


def a_picture(regime: str = "chop", trend: float = 0.0, **changes: Any) -> MarketPicture:
    odds = {"trend": 0.1, "reversion": 0.1, "chop": 0.1, regime: 0.8}
    values: dict[str, Any] = {
        "sigma_frac": 0.001,
        "trend_strength": trend,
        "p_trend": odds["trend"],
        "p_reversion": odds["reversion"],
        "p_chop": odds["chop"],
        "regime": regime,
        "atr_frac": None,
        "volatility_rank": None,
        **changes,
    }
    return MarketPicture(**values)


WITH = a_picture("trend", 0.2)
AGAINST = a_picture("trend", -0.2)
REVERSION, CHOP = a_picture("reversion"), a_picture("chop")
STORM = msgspec.structs.replace(AGAINST, sigma_frac=0.003)
"""A trend against a LONG with three times the volatility of the entry: enough to want out."""


def a_moment(
    market: MarketPicture | None, entry: MarketPicture | None = WITH, **changes: Any
) -> ExitContext:
    return a_context(**{"market": market, "market_at_entry": entry, **changes})


def score_of(context: ExitContext, settings: KillSettings = USUAL) -> float:
    components = acting_components(context, settings)
    assert components is not None
    return acting(components, settings).score
