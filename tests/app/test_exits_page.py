"""The page about exits is true: its rules are the rules, in order, and its numbers the settings."""

import re
from pathlib import Path

import msgspec

from quantum_trader.app.config import load
from quantum_trader.core.exits.brain import RULES
from quantum_trader.core.exits.policy import POLICIES, policy_of
from quantum_trader.core.exits.profiles import PROFILES
from quantum_trader.core.rules import ExitRules
from tests.pages import table

PAGE = Path(__file__).parents[2] / "docs" / "exits.md"
ROWS = table("docs/exits.md", "Rules")


def named(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def section_of(cell: str) -> msgspec.Struct:
    """The settings that a cell such as `[exits.stops]` names."""
    _, _, name = named(cell)[0].strip("[]").partition(".")
    return getattr(ExitRules(), name) if name else ExitRules()


def test_the_rules_of_the_page_are_the_rules_in_their_order() -> None:
    assert [named(row[0]) for row in ROWS] == [[rule.name] for rule in RULES]


def test_every_setting_of_the_page_exists_and_has_the_value_it_says() -> None:
    checked = 0
    for row in ROWS:
        told = re.findall(r"`(\w+)`((?: [\d.a-z]+,?)*)", row[3])
        for name, text in told:
            usual = getattr(section_of(row[2]), name)
            values = [msgspec.json.decode(word) for word in text.replace(",", " ").split()]
            if not values:
                continue
            expected = list(usual) if isinstance(usual, tuple) else [usual]
            assert [float(each) for each in expected] == [float(value) for value in values], name
            checked += 1
    assert checked > 20


def test_every_setting_of_a_rule_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for section in ("guards", "harvest", "stops"):
        for name in getattr(ExitRules(), section).__struct_fields__:
            assert f"`{name}`" in text, name


def test_every_policy_and_every_profile_of_the_page_can_be_asked_for() -> None:
    rows = table("docs/exits.md", "Plans")
    names = [named(row[0])[0] for row in rows]
    assert set(POLICIES) <= set(names)
    for name in names:
        policy_of(name.replace("NAME", "TREND_DEFAULT"))
    text = PAGE.read_text(encoding="utf-8")
    assert all(profile in text for profile in PROFILES)


def test_the_example_of_settings_can_be_loaded(tmp_path: Path) -> None:
    (example,) = re.findall(r"```\n(\[exits\]\n.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    file = tmp_path / "settings.toml"
    file.write_text(example, encoding="utf-8")
    rules = load(file).exit_rules
    assert (rules.policy, rules.risk_mode, rules.stops.lock_r) == ("profile", "CONSERVATIVE", 1.2)
    assert rules.harvest.stages_r == (1.5, 3.0, 5.0)
