"""``quantum exits kill-score``: both scores of the same components, for people and for programs."""

import json
import math
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quantum_trader.app.cli import exits, main
from quantum_trader.app.cli.exits import app
from quantum_trader.core.exits.settings import KillSettings

COMPONENTS = ("regime_flip", "sigma_spike", "ts_drop", "age_penalty")
PUBLISHED = (1.0, 0.0, 0.241594, 3_600 / 86_400)


def typed(*values: object) -> list[str]:
    """The command with four components."""
    words = ["exits", "kill-score"]
    for name, value in zip(COMPONENTS, values, strict=True):
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def answer(capsys: pytest.CaptureFixture[str], words: list[str]) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    return shown


def test_the_published_score_is_reproduced_with_the_weights_of_its_policy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = answer(capsys, [*typed(*PUBLISHED), "--weights", "policy"])
    assert shown["weights"] == "policy"
    recorded = shown["recorded"]
    assert recorded["score"] == pytest.approx(0.7119699587849092, abs=1e-12)
    assert recorded["z"] == pytest.approx(0.9049709333333333, abs=1e-12)
    assert (recorded["threshold"], recorded["wants_out"]) == (0.55, True)
    assert recorded["breakdown"]["regime_flip"] == {"value": 1.0, "weight": 0.8, "adds": 0.8}


def test_the_acting_score_is_centred_and_stays_where_the_recorded_one_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = answer(capsys, typed(*PUBLISHED))
    recorded, acting = shown["recorded"], shown["acting"]
    assert shown["weights"] == "config"
    assert recorded["score"] == pytest.approx(0.7564, abs=5e-5)
    assert acting["z"] == recorded["z"]
    assert acting["score"] == pytest.approx(1 / (1 + math.exp(acting["z0"] - acting["z"])))
    assert (acting["threshold"], acting["wants_out"]) == (0.6, False)
    assert (acting["neutral"], acting["entry_from"], acting["streak"]) == (0.2, 0.45, 2)
    assert acting["entry_scale"] == 1.0
    assert list(acting["breakdown"]) == list(COMPONENTS)
    adds = sum(part["adds"] for part in acting["breakdown"].values())
    assert adds == pytest.approx(acting["z"])


def test_a_neutral_market_acts_as_neutral_and_the_worst_one_takes_no_entry(
    capsys: pytest.CaptureFixture[str],
) -> None:
    neutral = answer(capsys, typed(0, 0, KillSettings().ts_ref, 0))
    assert neutral["acting"]["score"] == pytest.approx(0.2)
    worst = answer(capsys, typed(1, 2, 0.5, 1))["acting"]
    assert (worst["wants_out"], worst["entry_scale"]) == (True, None)


def test_the_settings_of_the_process_are_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "QT_EXITS", '{"kill": {"weight_regime_flip": 3, "neutral": 0.1, "threshold": 0.7}}'
    )
    configured = answer(capsys, typed(1, 0, 0.3, 0))["acting"]
    assert configured["breakdown"]["regime_flip"]["adds"] == 3.0
    assert (configured["neutral"], configured["threshold"]) == (0.1, 0.7)
    kernel = answer(capsys, [*typed(1, 0, 0.3, 0), "--weights", "kernel"])
    assert kernel["acting"]["breakdown"]["regime_flip"]["adds"] == 1.0
    assert kernel["acting"]["threshold"] == 0.7
    assert kernel["recorded"]["threshold"] == 0.6


def test_people_get_both_scores_and_what_they_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*typed(*PUBLISHED), "--weights", "policy"]) == 0
    text = capsys.readouterr().out
    for words in ("recorded", "acting", "0.711970", "0.354041", "a neutral market", "100 %"):
        assert words in text
    assert main(typed(1, 2, 0.5, 1)) == 0
    assert "an entry is refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (typed(2, 0, 0, 0), "--regime-flip"),
        (typed(0, -1, 0, 0), "--sigma-spike"),
        (typed(0, 0, "nan", 0), "--ts-drop"),
        (typed(0, "inf", 0, 0), "--sigma-spike"),
        (typed(0, 0, 0, 1.5), "--age-penalty"),
        (typed(0, 0, 0, 0)[:-2], "--age-penalty"),
        ([*typed(0, 0, 0, 0), "--weights", "mine"], "--weights"),
    ],
)
def test_what_no_market_can_give_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], words: list[str], named: str
) -> None:
    assert main(words) == 2
    assert named in capsys.readouterr().err


def test_both_commands_of_the_group_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert [each.name for each in app.registered_commands] == ["kill-score", "compare"]
    assert main(["exits"]) == 2
    assert main(["exits", "kill-score", "--help"]) == 0
    assert "Usage: quantum exits kill-score" in capsys.readouterr().out


def test_every_key_of_the_kill_score_is_on_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    section = page.split("```\nquantum exits kill-score")[1].split("```")[1]
    told = set(re.findall(r"`(\w+)`", section))
    kinds = (exits.Answer, exits.RecordedScore, exits.ActingScore, exits.Part)
    keys = {field.name for kind in kinds for field in msgspec.structs.fields(kind)}
    assert not keys - told
    assert set(COMPONENTS) <= told
