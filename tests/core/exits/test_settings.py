"""Settings of exits: what cannot be meant is refused with its name, what can be meant is taken."""

from typing import Any

import msgspec
import pytest

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.exits.settings import (
    AdaptSettings,
    GuardSettings,
    HarvestSettings,
    KillSettings,
    StopSettings,
)

NUMBERED = [
    pytest.param(section, made, field.name, id=f"{section}.{field.name}")
    for section, made in (
        ("exits.stops", StopSettings),
        ("exits.kill", KillSettings),
        ("exits.guards", GuardSettings),
    )
    for field in msgspec.structs.fields(made)
    if field.type is not bool
]


@pytest.mark.parametrize(("section", "made", "name"), NUMBERED)
@pytest.mark.parametrize("value", [0, -1])
def test_a_number_that_is_not_above_zero_is_refused_by_its_name(
    section: str, made: Any, name: str, value: int
) -> None:
    with pytest.raises(ConfigError) as refused:
        made(**{name: value})
    assert str(refused.value) == f"{section}: {name} must be above 0, not {value}"


def test_a_switch_that_is_off_is_not_a_number_that_is_missing() -> None:
    assert not StopSettings(by_score=False).by_score
    assert not KillSettings(enabled=False).enabled


@pytest.mark.parametrize(
    "stages_r",
    [(0.0, 4.0, 6.0), (-1.0, 4.0, 6.0), (4.0, 4.0, 6.0), (2.0, 6.0, 6.0), (2.0, 6.0, 4.0)],
)
def test_a_ladder_that_does_not_rise_above_zero_is_refused(
    stages_r: tuple[float, float, float],
) -> None:
    with pytest.raises(ConfigError) as refused:
        HarvestSettings(stages_r=stages_r)
    assert str(refused.value) == f"exits.harvest: stages_r must rise above 0, not {stages_r}"


@pytest.mark.parametrize("fracs", [(0.0, 0.5, 0.25), (-0.1, 0.5, 0.5), (0.5, 0.25, 0.5)])
def test_a_ladder_sells_something_at_every_step_and_no_more_than_there_is(
    fracs: tuple[float, float, float],
) -> None:
    with pytest.raises(ConfigError) as refused:
        HarvestSettings(fracs=fracs)
    assert str(refused.value) == f"exits.harvest: fracs must be parts of one whole, not {fracs}"


def test_a_ladder_may_begin_below_one_r_and_sell_all_of_it() -> None:
    assert HarvestSettings(stages_r=(0.5, 1.0, 2.0), fracs=(0.25, 0.25, 0.5)).enabled


@pytest.mark.parametrize(
    "changes",
    [
        {"neutral": 0.45},
        {"entry_from": 0.61},
        {"threshold": 1.0},
        {"threshold": 1.5},
        {"threshold": 0.4},
    ],
)
def test_the_kill_score_wants_out_between_neutral_and_certain(changes: dict[str, float]) -> None:
    with pytest.raises(ConfigError) as refused:
        KillSettings(**changes)  # type: ignore[arg-type]
    meant = {"neutral": 0.2, "entry_from": 0.45, "threshold": 0.6, **changes}
    assert str(refused.value) == (
        f"exits.kill: neutral ({meant['neutral']}) < entry_from ({meant['entry_from']}) <= "
        f"threshold ({meant['threshold']}) < 1 must hold"
    )


def test_entries_may_be_refused_without_having_shrunk_before() -> None:
    assert KillSettings(entry_from=0.6).entry_from == KillSettings().threshold


@pytest.mark.parametrize(
    ("least", "most"), [(0.0, 1.2), (-0.5, 1.2), (1.1, 1.2), (0.8, 0.9), (0.8, 2.0), (0.8, 2.5)]
)
def test_a_corridor_that_does_not_hold_one_is_refused(least: float, most: float) -> None:
    with pytest.raises(ConfigError) as refused:
        AdaptSettings(least=least, most=most)
    assert str(refused.value) == f"exits.adapt: {least} to {most} must lie around 1"


@pytest.mark.parametrize(("least", "most"), [(1.0, 1.0), (0.8, 1.0), (1.0, 1.9)])
def test_a_corridor_may_end_at_one(least: float, most: float) -> None:
    assert AdaptSettings(least=least, most=most).most == most
