"""What can be set about leaving a position. Every number is a fraction, an R multiple or a time."""

import msgspec

from quantum_trader.core.errors import ConfigError


class StopSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the stop moves in the direction of profit.

    ``trail_atr`` is the distance of the ATR trail in average true ranges, active from
    ``trail_from_r``. At ``lock_r`` the stop locks ``lock_frac`` of the entry price in. A stop moves
    by at least ``move_min_frac`` of the price and at most once in ``move_every_ms``; steps of the
    ladder are not made to wait. From ``giveback_from_r`` on, giving back ``giveback_frac`` of the
    best profit puts the stop ``giveback_trail_frac`` behind the best price. ``by_score`` asks the
    exit score too, which weighs loss, profit, giveback, age and nearness of the stop together.
    """

    trail_atr: float = 2.0
    trail_from_r: float = 1.5
    lock_r: float = 1.5
    lock_frac: float = 0.002
    giveback_from_r: float = 1.0
    giveback_frac: float = 0.5
    giveback_trail_frac: float = 0.005
    move_min_frac: float = 0.0005
    move_every_ms: int = 5_000
    by_score: bool = False

    @property
    def follow_from_r(self) -> float:
        """The R from which on the first of the stops that follow the price does."""
        return min(self.lock_r, self.trail_from_r, self.giveback_from_r)

    def __post_init__(self) -> None:
        """Refuse what is no distance, no fraction and no time."""
        _demand_above_zero("exits.stops", self)
        _demand_fractions("exits.stops", self)


class HarvestSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ladder by R: from ``stages_r`` on, ``fracs`` of the initial quantity leave.

    ``scale_by_leverage`` divides the thresholds by the square root of the leverage.
    """

    enabled: bool = True
    stages_r: tuple[float, float, float] = (2.0, 4.0, 6.0)
    fracs: tuple[float, float, float] = (0.25, 0.25, 0.25)
    scale_by_leverage: bool = False

    def __post_init__(self) -> None:
        """Refuse a ladder that does not rise, and one that sells more than there is."""
        if not 0.0 < self.stages_r[0] < self.stages_r[1] < self.stages_r[2]:
            raise ConfigError(f"exits.harvest: stages_r must rise above 0, not {self.stages_r}")
        if min(self.fracs) <= 0.0 or sum(self.fracs) > 1.0:
            raise ConfigError(f"exits.harvest: fracs must be parts of one whole, not {self.fracs}")


class KillSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights, references and thresholds of the kill score.

    ``threshold`` is where the acting score wants out; it has to for ``streak`` evaluations in a row
    of a position held for ``hold_min_ms``. Entries shrink from ``entry_from`` on and are refused
    from ``threshold`` on. ``neutral`` is what the acting score is in a neutral market.
    """

    enabled: bool = True
    weight_regime_flip: float = 1.0
    weight_sigma_spike: float = 0.5
    weight_ts_drop: float = 0.5
    weight_age_penalty: float = 0.3
    trend_min: float = 0.3
    sigma_ref_frac: float = 0.01
    sigma_spike_cap: float = 2.0
    ts_ref: float = 0.3
    ts_drop_cap: float = 0.5
    age_max_ms: int = 86_400_000
    neutral: float = 0.2
    threshold: float = 0.6
    streak: int = 2
    hold_min_ms: int = 300_000
    entry_from: float = 0.45
    entry_alpha: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what is no share and no time."""
        _demand_above_zero("exits.kill", self)
        if not self.neutral < self.entry_from <= self.threshold < 1.0:
            raise ConfigError(
                f"exits.kill: neutral ({self.neutral}) < entry_from ({self.entry_from}) <= "
                f"threshold ({self.threshold}) < 1 must hold"
            )


class GuardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What overrules everything else.

    Of the way from entry to liquidation, ``liquidation_reduce_frac`` takes off
    ``liquidation_cut_frac`` of the initial quantity and ``liquidation_close_frac`` leaves. A loss
    of ``loss_r`` or of ``loss_frac`` of the price leaves. A stop that was crossed and not filled
    for ``crossed_ms`` leaves at market. A mark older than ``mark_age_ms`` is none; without one for
    ``blind_ms`` the position is left. Funding is weighed in the last ``funding_lead_ms`` before it
    is settled. ``first_target_ms`` is the time a challenge has for its first target.
    """

    liquidation_reduce_frac: float = 0.65
    liquidation_cut_frac: float = 0.5
    liquidation_close_frac: float = 0.8
    loss_r: float = 1.5
    loss_frac: float = 0.125
    crossed_ms: int = 3_000
    mark_age_ms: int = 150_000
    blind_ms: int = 600_000
    funding_lead_ms: int = 300_000
    first_target_ms: int = 7_200_000

    def __post_init__(self) -> None:
        """Refuse what is no fraction and no time, and a cut behind the close: it never comes."""
        _demand_above_zero("exits.guards", self)
        _demand_fractions("exits.guards", self)
        if self.liquidation_reduce_frac > self.liquidation_close_frac:
            raise ConfigError(
                f"exits.guards: liquidation_reduce_frac ({self.liquidation_reduce_frac}) must not "
                f"lie beyond liquidation_close_frac ({self.liquidation_close_frac})"
            )


class AdaptSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far what was earned lately may move the levels: between ``least`` and ``most``."""

    enabled: bool = True
    least: float = 0.8
    most: float = 1.2

    def __post_init__(self) -> None:
        """Refuse a corridor that does not hold 1."""
        if not 0.0 < self.least <= 1.0 <= self.most < 2.0:
            raise ConfigError(f"exits.adapt: {self.least} to {self.most} must lie around 1")


def _demand_above_zero(section: str, settings: msgspec.Struct) -> None:
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if not isinstance(value, bool) and isinstance(value, int | float) and not value > 0:
            raise ConfigError(f"{section}: {name} must be above 0, not {value}")


def _demand_fractions(section: str, settings: msgspec.Struct) -> None:
    """A percent number would put what protects out of reach."""
    for name in settings.__struct_fields__:
        if name.endswith("_frac") and getattr(settings, name) > 1.0:
            value = getattr(settings, name)
            raise ConfigError(f"{section}: {name} is a fraction (0.5 is a half), not {value}")
