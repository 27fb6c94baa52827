"""How much the account may risk. Numbers only; ``gates`` and ``sizing`` give them their meaning."""

from decimal import Decimal

import msgspec

from quantum_trader.core.errors import ConfigError

LEVERAGE_VENUE_MAX = 125


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of one account. Raises ``ConfigError`` when they contradict each other.

    * ``intent_age_ms_max``, ``intent_future_ms_max``: how old, or ahead of us, an intent may be.
    * ``mark_age_ms_max``: how old the mark price may be; with candles alone more than one bar.
    * ``state_required``, ``state_age_ms_max``: whether an entry needs the market's state, and how
      old that may be.
    * ``symbols_allowed``: what may be entered; None allows every instrument we know. Leaving a
      position is never limited.
    * ``positions_max``: how many positions and entries under way may exist together;
      ``stops_max``: how many conditional orders the venue holds for an account. A position needs
      two for a moment whenever its stop moves.
    * ``leverage_max``, ``leverage_default``: the ceiling, and what is used when nobody asks.
    * ``notional_max_usd``: of one trade; ``gross_notional_max_usd``: of all, longs plus shorts.
    * ``risk_frac``: share of equity that one initial stop may cost when we choose the size;
      ``risk_max_frac``: when the proposer does.
    * ``price_deviation_max_frac``: how far the proposer's entry price may be from the mark.
    * ``cooldown_open_ms``, ``cooldown_close_ms``: rest of a symbol after an entry, after a close.
    """

    intent_age_ms_max: int = 300_000
    intent_future_ms_max: int = 5_000
    mark_age_ms_max: int = 10_000
    state_required: bool = False
    state_age_ms_max: int = 900_000
    symbols_allowed: tuple[str, ...] | None = None
    positions_max: int = 10
    stops_max: int = 200
    leverage_max: int = 20
    leverage_default: int = 10
    notional_max_usd: Decimal = Decimal(3_000)
    gross_notional_max_usd: Decimal = Decimal(20_000)
    risk_frac: Decimal = Decimal("0.005")
    risk_max_frac: Decimal = Decimal("0.02")
    price_deviation_max_frac: Decimal = Decimal("0.02")
    cooldown_open_ms: int = 60_000
    cooldown_close_ms: int = 900_000

    def __post_init__(self) -> None:
        """Refuse limits that no entry could satisfy, or that would limit nothing."""
        for name in ("intent_age_ms_max", "mark_age_ms_max", "state_age_ms_max", "positions_max"):
            _demand(getattr(self, name) > 0, f"{name} must be above 0")
        for name in ("intent_future_ms_max", "cooldown_open_ms", "cooldown_close_ms"):
            _demand(getattr(self, name) >= 0, f"{name} must not be negative")
        for name in ("notional_max_usd", "gross_notional_max_usd"):
            value = getattr(self, name)
            _demand(value.is_finite() and value > 0, f"{name} must be an amount above 0")
        for name in ("risk_frac", "risk_max_frac", "price_deviation_max_frac"):
            value = getattr(self, name)
            _demand(
                value.is_finite() and 0 < value < 1,
                f"{name} is a fraction between 0 and 1 (0.005 is half a per cent), not {value}",
            )
        _demand(
            1 <= self.leverage_default <= self.leverage_max <= LEVERAGE_VENUE_MAX,
            f"leverage must satisfy 1 <= default ({self.leverage_default}) <= max "
            f"({self.leverage_max}) <= {LEVERAGE_VENUE_MAX}",
        )
        _demand(
            self.notional_max_usd <= self.gross_notional_max_usd,
            f"notional_max_usd ({self.notional_max_usd}) must not exceed gross_notional_max_usd "
            f"({self.gross_notional_max_usd})",
        )


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ConfigError(f"risk limits: {otherwise}")
