"""Names of exit actions: every one that ever was, what it means, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.errors import Malformed
from quantum_trader.core.exits.actions import ACTIONS, REFUSED, Action, known, read_action

FAMILIES = {
    "ladder and plans": "NONE PARTIAL_25 PARTIAL_50 PARTIAL_75 FULL_CLOSE_PROPOSED UPDATE_SL HOLD",
    "heat": "PARTIAL_50_PROPOSED PARTIAL_25_PROPOSED HOLD_CLOSE_SHADOW NOOP",
    "second ladder": "HOLD HOLD_SUPPRESSED PARTIAL_25 PARTIAL_50 PARTIAL_75 FULL_CLOSE",
    "intents": "MOVE_SL_BREAKEVEN MOVE_SL_TRAIL EMERGENCY_SL_CLOSE FULL_CLOSE_PROPOSED",
    "agent": "HOLD MOVE_TO_BREAKEVEN TIGHTEN_TRAIL PARTIAL_CLOSE_25 FULL_CLOSE TIME_STOP_EXIT",
    "judge": "REDUCE_25 REDUCE_50 HARVEST_70_KEEP_30 DEFENSIVE_HOLD TOXICITY_UNWIND QUARANTINE",
    "shadow": (
        "REDUCE_SMALL REDUCE_MEDIUM TAKE_PROFIT_PARTIAL TAKE_PROFIT_LARGE TIGHTEN_EXIT CLOSE_FULL"
    ),
    "commands": "CLOSE",
}
NEED_A_FRACTION = ["HARVEST_PARTIAL", "PARTIAL_CLOSE", "PARTIAL_CLOSE_PROPOSED"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_name_that_ever_was_is_understood_in_any_case(family: str) -> None:
    for name in FAMILIES[family].split():
        assert read_action(name) == read_action(name.lower()) == read_action(f" {name.title()} ")


def test_no_name_is_understood_that_nobody_used() -> None:
    used = {name for names in FAMILIES.values() for name in names.split()}
    assert set(ACTIONS) == used | set(NEED_A_FRACTION)


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("NOOP", Action("HOLD")),
        ("HOLD_CLOSE_SHADOW", Action("HOLD")),
        ("QUARANTINE", Action("HOLD")),
        ("REDUCE_SMALL", Action("REDUCE", 0.10)),
        ("reduce_medium", Action("REDUCE", 0.25)),
        ("PARTIAL_25", Action("REDUCE", 0.25)),
        ("PARTIAL_50_PROPOSED", Action("REDUCE", 0.5)),
        ("HARVEST_70_KEEP_30", Action("REDUCE", 0.7)),
        ("TAKE_PROFIT_LARGE", Action("REDUCE", 0.75)),
        ("Full_Close", Action("CLOSE")),
        ("EMERGENCY_SL_CLOSE", Action("CLOSE")),
        ("TOXICITY_UNWIND", Action("CLOSE")),
        ("UPDATE_SL", Action("MOVE_STOP", stop="PRICE")),
        ("MOVE_SL_BREAKEVEN", Action("MOVE_STOP", stop="BREAK_EVEN")),
        ("TIGHTEN_EXIT", Action("MOVE_STOP", stop="TRAIL")),
        ("HARVEST_DYNAMIC_40PCT", Action("REDUCE", 0.4)),
        ("harvest_dynamic_1pct", Action("REDUCE", 0.01)),
        ("HARVEST_DYNAMIC_100PCT", Action("CLOSE")),
    ],
)
def test_a_name_means_one_thing(name: str, action: Action) -> None:
    assert read_action(name) == action


@pytest.mark.parametrize("name", NEED_A_FRACTION)
def test_a_partial_close_takes_what_it_says_and_never_everything(name: str) -> None:
    assert read_action(name, 0.3) == Action("REDUCE", 0.3)
    for wrong in (None, 0.0, 1.0, 25.0, -0.5, float("nan")):
        with pytest.raises(Malformed, match="between 0 and 1"):
            read_action(name, wrong)


def test_a_fraction_beside_a_name_that_has_its_own_changes_nothing() -> None:
    assert read_action("PARTIAL_25", 0.9) == Action("REDUCE", 0.25)


@pytest.mark.parametrize(
    "name",
    ["", "SELL", "PARTIAL_33", "FULL", "HARVEST_DYNAMIC_0PCT", "HARVEST_DYNAMIC_101PCT",
     "HARVEST_DYNAMIC_PCT", "HARVEST_DYNAMIC_4.5PCT", "HARVEST_DYNAMIC_{n}PCT"],
)  # fmt: skip
def test_an_unknown_name_is_refused_with_the_known_ones_and_never_taken_for_a_close(
    name: str,
) -> None:
    with pytest.raises(Malformed) as told:
        read_action(name)
    assert all(each in str(told.value) for each in known())


@pytest.mark.parametrize("name", REFUSED)
def test_a_word_that_is_no_way_out_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(Malformed, match=REFUSED[name].split(";")[0]):
        read_action(name)


@given(st.text())
def test_whatever_is_said_either_has_a_known_name_or_is_refused(name: str) -> None:
    wanted = name.strip().upper()
    if wanted not in ACTIONS and not wanted.startswith("HARVEST_DYNAMIC_"):
        with pytest.raises(Malformed):
            read_action(name, 0.5)


def test_a_refusal_names_the_field_and_what_stood_there() -> None:
    with pytest.raises(Malformed) as told:
        read_action("NOPE")
    assert str(told.value) == str(Malformed("action", "NOPE", f"one of {', '.join(known())}"))
    name = next(iter(NEED_A_FRACTION))
    with pytest.raises(Malformed) as told:
        read_action(name, 1.0)
    wanted = f"how much {name} takes off, between 0 and 1"
    assert str(told.value) == str(Malformed("fraction", 1.0, wanted))


def test_ninety_nine_percent_is_a_part_and_a_hundred_is_everything() -> None:
    assert read_action("HARVEST_DYNAMIC_99PCT") == Action("REDUCE", 0.99)
    assert read_action("HARVEST_DYNAMIC_100PCT") == Action("CLOSE")
    assert known()[-1] == "HARVEST_DYNAMIC_{n}PCT"
