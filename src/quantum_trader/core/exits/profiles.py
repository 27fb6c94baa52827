"""Static exit profiles: targets in units of R, how much leaves at each, and how the rest trails.

Sizes are fractions of the initial quantity. Whether a target was once meant as a limit or a market
order is not kept: all targets rest as limit orders.

The trails of NORMAL_DEFAULT and VOLATILE_DEFAULT were dead as recorded: their targets took all of
the position. In both the last target now gives half of its size to a runner. It is the part that
competes with the trail for the same far move; the earlier targets, which pay for the risk, keep
their sizes, and every R is as recorded.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.exits.plan import SIZE_DIGITS, PlanRegime, TrailSpec

RUNNER_MIN_FRAC = 0.01
"""A trail needs more than this of the position to be worth a leg."""
CALLBACK_MAX_FRAC = 0.2
"""A callback above this can only be a percent number: a fifth of the price is no trail."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share of the initial quantity that leaves at a profit of ``r`` stop distances."""

    r: float
    size_frac: float


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Targets in rising order of R, and the trail of what they leave (None: nothing is trailed).

    Raises ``ConfigError`` for a ladder that does not rise, that sells more than there is, or whose
    trail has nothing to follow with.
    """

    name: str
    targets: tuple[Target, ...]
    trail: TrailSpec | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out as it is written."""
        if not self.targets or not self._rises() or not self._parts_of_one_whole():
            raise ConfigError(
                f"profile {self.name}: targets need R rising above 0 and sizes above 0 that sum to "
                f"at most 1, not {[(each.r, each.size_frac) for each in self.targets]}"
            )
        if self.trail is None:
            return
        if self.trail.callback_frac > CALLBACK_MAX_FRAC:
            raise ConfigError(
                f"profile {self.name}: the callback is a fraction (0.02 is two per cent) up to "
                f"{CALLBACK_MAX_FRAC}, not {self.trail.callback_frac}"
            )
        if self.runner_frac <= RUNNER_MIN_FRAC:
            raise ConfigError(
                f"profile {self.name}: the targets leave {self.runner_frac} to trail; leave more "
                f"than {RUNNER_MIN_FRAC}, or drop the trail"
            )

    def _rises(self) -> bool:
        ladder_r = (0.0, *(each.r for each in self.targets))
        return all(near < far < math.inf for near, far in pairwise(ladder_r))

    def _parts_of_one_whole(self) -> bool:
        sizes = [each.size_frac for each in self.targets]
        return min(sizes) > 0.0 and round(sum(sizes), SIZE_DIGITS) <= 1.0

    @property
    def runner_frac(self) -> float:
        """What the targets leave of the initial quantity."""
        return round(1.0 - sum(each.size_frac for each in self.targets), SIZE_DIGITS)


class ProfileMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a profile is meant: None fits everything, and so does the regime NORMAL."""

    profile: Profile
    symbol: str | None = None
    strategy: str | None = None
    regime: PlanRegime | None = None

    def fits(self, symbol: str, strategy: str, regime: PlanRegime) -> bool:
        """Whether everything that is named agrees."""
        return (
            self.symbol in {None, symbol}
            and self.strategy in {None, strategy}
            and self.regime in {None, "NORMAL", regime}
        )

    @property
    def specificity(self) -> int:
        """How much is named: 100 for the symbol, 10 for the strategy, 1 for the regime."""
        named_regime = self.regime not in {None, "NORMAL"}
        return 100 * (self.symbol is not None) + 10 * (self.strategy is not None) + named_regime


TREND_DEFAULT = Profile(
    name="TREND_DEFAULT",
    targets=(Target(0.5, 0.15), Target(1.0, 0.20), Target(2.0, 0.30)),
    trail=TrailSpec(0.02, 1.5, ((3.0, 0.015), (5.0, 0.01))),
)
RANGE_DEFAULT = Profile(
    name="RANGE_DEFAULT", targets=(Target(0.2, 0.35), Target(0.4, 0.35), Target(0.7, 0.30))
)
VOLATILE_DEFAULT = Profile(
    name="VOLATILE_DEFAULT",
    targets=(Target(0.4, 0.25), Target(0.8, 0.35), Target(1.5, 0.20)),
    trail=TrailSpec(0.025, 1.0),
)
CHOP_DEFAULT = Profile(
    name="CHOP_DEFAULT", targets=(Target(0.15, 0.40), Target(0.35, 0.40), Target(0.6, 0.20))
)
NORMAL_DEFAULT = Profile(
    name="NORMAL_DEFAULT",
    targets=(Target(0.5, 0.25), Target(1.0, 0.25), Target(2.0, 0.25)),
    trail=TrailSpec(0.015, 1.0, ((3.0, 0.01),)),
)
CHALLENGE_100 = Profile(
    name="CHALLENGE_100", targets=(Target(1.0, 0.30),), trail=TrailSpec(0.02, 1.0)
)

PROFILES: Mapping[str, Profile] = {
    each.name: each
    for each in (
        TREND_DEFAULT,
        RANGE_DEFAULT,
        VOLATILE_DEFAULT,
        CHOP_DEFAULT,
        NORMAL_DEFAULT,
        CHALLENGE_100,
    )
}

MAPPINGS: tuple[ProfileMapping, ...] = (
    ProfileMapping(profile=TREND_DEFAULT, regime="TRENDING"),
    ProfileMapping(profile=RANGE_DEFAULT, regime="RANGE_BOUND"),
    ProfileMapping(profile=VOLATILE_DEFAULT, regime="VOLATILE"),
    ProfileMapping(profile=NORMAL_DEFAULT, regime="NORMAL"),
)


def select(
    symbol: str, strategy: str, regime: PlanRegime, custom: Sequence[ProfileMapping] = ()
) -> Profile:
    """The profile of the most specific mapping that fits; of equals the first, custom ones first.

    Ours for the regime NORMAL fits every market, so there always is one.
    """
    fitting = [each for each in (*custom, *MAPPINGS) if each.fits(symbol, strategy, regime)]
    return max(fitting, key=_specificity).profile


def _specificity(mapping: ProfileMapping) -> int:
    return mapping.specificity
