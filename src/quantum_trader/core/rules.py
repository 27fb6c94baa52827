"""Everything configurable that decides: limits, fees, exit settings and the instruments.

Rules reach the trader as a fact, so that a replay decides by the rules of its day.
"""

from decimal import Decimal

import msgspec

from quantum_trader.core.instrument import Instrument
from quantum_trader.core.risk.limits import RiskLimits


class Fees(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the venue takes, as fractions of notional."""

    taker_frac: Decimal = Decimal("0.0004")
    maker_frac: Decimal = Decimal("0.0002")


class ExitRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How positions are left when nothing else happens first.

    ``protect_within_ms`` is the longest a position may stand without a confirmed stop before it
    is closed at market; ``entry_within_ms`` the longest an entry order may be on its way.
    """

    hold_max_ms: int = 4 * 3_600_000
    protect_within_ms: int = 3_000
    entry_within_ms: int = 60_000
    retry_after_ms: int = 1_000
    spread_frac: Decimal = Decimal("0.0001")


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one account. ``deposit_usd`` is the wallet it begins with."""

    account: str
    deposit_usd: Decimal
    limits: RiskLimits
    fees: Fees
    exits: ExitRules
    instruments: dict[str, Instrument]
