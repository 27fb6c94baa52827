"""Everything configurable that decides: limits, fees, exit settings and the instruments.

Rules reach the trader as a fact, so that a replay decides by the rules of its day.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.exits.plan import RiskMode
from quantum_trader.core.exits.settings import (
    AdaptSettings,
    GuardSettings,
    HarvestSettings,
    KillSettings,
    StopSettings,
)
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.units import ZERO

FEE_MAX_FRAC = Decimal("0.01")
"""One per cent: no venue takes this much, so a larger number is a percentage by mistake."""


class Fees(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the venue takes, as fractions of notional."""

    taker_frac: Decimal = Decimal("0.0004")
    maker_frac: Decimal = Decimal("0.0002")

    def __post_init__(self) -> None:
        """Refuse percent numbers and fees that would turn every loss into a gain."""
        _demand_within("fees: taker_frac", self.taker_frac, ZERO)
        _demand_within("fees: maker_frac", self.maker_frac, -self.taker_frac)


Protect = Literal["after_fill", "before_entry"]
"""When the first stop is placed: as soon as the entry fills, or before the entry leaves."""


class ExitRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How positions are left when nothing else happens first.

    ``protect_within_ms`` is the longest a position may stand without a confirmed stop before it
    is closed at market, and the longest an entry waits for a stop that shall be there before it
    (``protect``); ``entry_within_ms`` the longest an entry order may be on its way.
    ``policy`` decides targets and stop: ``adaptive``, ``dynamic``, ``profile`` (the fitting one),
    ``profile:NAME``, ``hints``, or ``static_3_4`` (stop at 3 %, one target at 4 %). ``risk_mode``
    is how careful the account is.
    """

    policy: str = "adaptive"
    risk_mode: RiskMode = "NORMAL"
    stops: StopSettings = StopSettings()
    harvest: HarvestSettings = HarvestSettings()
    kill: KillSettings = KillSettings()
    guards: GuardSettings = GuardSettings()
    adapt: AdaptSettings = AdaptSettings()

    protect: Protect = "after_fill"
    hold_max_ms: int = 4 * 3_600_000
    protect_within_ms: int = 3_000
    entry_within_ms: int = 60_000
    retry_after_ms: int = 1_000
    spread_frac: Decimal = Decimal("0.0001")

    def __post_init__(self) -> None:
        """Refuse times that never come and a spread that is no fraction."""
        for name in ("hold_max_ms", "protect_within_ms", "entry_within_ms", "retry_after_ms"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"exits: {name} must be above 0, not {getattr(self, name)}")
        _demand_within("exits: spread_frac", self.spread_frac, ZERO)


def _demand_within(name: str, value: Decimal, least: Decimal) -> None:
    if not value.is_finite() or not least <= value <= FEE_MAX_FRAC:
        raise ConfigError(
            f"{name} is a fraction (0.0004 is 4 basis points) from {least} to {FEE_MAX_FRAC}, "
            f"not {value}"
        )


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one account. ``deposit_usd`` is the wallet it begins with."""

    account: str
    deposit_usd: Decimal
    limits: RiskLimits
    fees: Fees
    exits: ExitRules
    instruments: dict[str, Instrument]
