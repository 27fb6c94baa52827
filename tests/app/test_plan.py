"""The exit plan somebody asks for at the shell: what the trader would do, and one JSON shape."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from quantum_trader.app.cli import main
from quantum_trader.app.cli.plan_answer import Answer, LegShown, answer_to
from quantum_trader.app.preview import Entry, preview
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events import ExitPlanned, PlanMade
from quantum_trader.core.exits.outputs import Outputs
from quantum_trader.core.units import Side
from tests.support import NOON_MS, Desk, a_candle, an_intent, some_rules

BTC = ["plan", "--symbol", "BTCUSDT", "--entry", "60000"]
LONG = ["--side", "LONG", "--leverage", "5"]

Shown = dict[str, object]


def answer(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, Shown]:
    """The exit code and the JSON of one question."""
    code = main([*BTC, *more, "--json"])
    shown: Shown = json.loads(capsys.readouterr().out)
    return code, shown


def legs(shown: Shown) -> list[Shown]:
    """The legs of an answer."""
    found = shown["legs"]
    assert isinstance(found, list)
    return found


def test_the_keys_are_those_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = answer(capsys, *LONG)
    assert code == 0
    names = [field.name for field in msgspec.structs.fields(Answer)]
    assert list(shown) == [*names, "picture"]
    assert list(legs(shown)[0]) == [field.name for field in msgspec.structs.fields(LegShown)]


def test_the_adaptive_plan_has_a_stop_and_three_targets_on_the_grid(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, shown = answer(capsys, "--side", "BUY", "--leverage", "10", "--qty", "0.1")
    assert [shown[name] for name in ("policy", "profile", "strategy", "risk_mode", "regime")] == [
        "adaptive", "ADAPTIVE", "STANDARD_LADDER", "NORMAL", "NORMAL",
    ]  # fmt: skip
    rows = legs(shown)
    assert [row["kind"] for row in rows] == ["SL", "TP", "TP", "TP"]
    assert [row["price"] for row in rows] == ["59530.7", "60536.6", "60808.3", "61124.2"]
    assert [row["qty"] for row in rows] == ["0.100", "0.030", "0.030", "0.040"]
    assert [row["stage"] for row in rows] == [None, 1, 2, 3]
    assert rows[0]["r_multiple"] == -1.0
    assert rows[0]["gain_usd"] == "-46.93000000"
    assert rows[1]["r_multiple"] == pytest.approx(536.6 / 469.3)
    assert shown["risk_usd"] == "46.93000000"
    assert shown["break_even_price"] == "60054.0"
    assert shown["valid_ms"] == 86_400_000


def test_a_profile_brings_its_runner_and_every_step_of_its_trail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, shown = answer(capsys, *LONG, "--policy", "profile:TREND_DEFAULT", "--notional", "6000")
    *_, runner = legs(shown)
    assert runner["kind"] == "TRAIL"
    assert runner["trail"] == {
        "callback_frac": 0.02,
        "activation_r": 1.5,
        "tightening": [[3.0, 0.015], [5.0, 0.01]],
    }
    assert (runner["asked_frac"], runner["gain_usd"]) == (None, None)
    sizes = [float(str(row["qty"])) for row in legs(shown)[1:]]
    assert sum(sizes) == pytest.approx(0.1), "targets and runner are all there is"


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
@pytest.mark.parametrize("policy", ["adaptive", "dynamic", "profile", "static_3_4"])
def test_the_plan_is_the_one_that_the_trader_makes_of_such_an_intent(
    policy: str, side: Side
) -> None:
    rules = some_rules()
    exits = msgspec.structs.replace(rules.exits, policy=policy)
    rules = msgspec.structs.replace(rules, exits=exits)
    desk, qty = Desk(rules), Decimal("0.020")
    desk.tell(a_candle(60_000.0))
    said = desk.tell(an_intent(side, NOON_MS, qty=qty, leverage=5, confidence=0.7))
    (made,) = [fact for fact in said if isinstance(fact, PlanMade)]
    (planned,) = [fact for fact in said if isinstance(fact, ExitPlanned)]
    entry = Entry(
        instrument=DEFAULT_INSTRUMENTS["BTCUSDT"],
        side=side,
        leverage=5,
        entry_price=Decimal(60_000),
        qty=qty,
        notional_usd=None,
        confidence=0.7,
        regime=None,
        volatility_factor=None,
        trend=None,
        funding_rate_frac=None,
        divergence=None,
    )
    told = answer_to(entry, rules, preview(entry, rules))
    stop, *targets = [leg for leg in told.legs if leg.kind != "TRAIL"]
    assert stop.price == made.stop_price
    assert [(leg.price, leg.qty) for leg in targets] == [(leg.price, leg.qty) for leg in made.legs]
    assert (told.profile, told.reason) == (planned.plan.profile, planned.plan.reason)
    assert told.risk_usd == made.risk_usd
    assert [leg.trail for leg in told.legs if leg.trail] == [
        leg.trail for leg in planned.plan.legs if leg.trail
    ]


def test_the_market_and_the_risk_mode_change_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    profile = [*LONG, "--policy", "profile"]
    regimes = {
        "NORMAL_DEFAULT": (),
        "TREND_DEFAULT": ("--trend", "0.8"),
        "VOLATILE_DEFAULT": ("--volatility", "2.5"),
        "RANGE_DEFAULT": ("--volatility", "0.5"),
    }
    for name, options in regimes.items():
        assert answer(capsys, *profile, *options)[1]["profile"] == name
    usual = legs(answer(capsys, *LONG)[1])
    careful = legs(answer(capsys, *LONG, "--risk-mode", "critical")[1])
    assert float(str(careful[1]["price"])) < float(str(usual[1]["price"]))


@pytest.mark.parametrize("regime", ["TRENDING", "volatile", "range-bound", "NORMAL"])
def test_a_regime_that_is_told_counts_whatever_the_numbers_say(
    capsys: pytest.CaptureFixture[str], regime: str
) -> None:
    _, shown = answer(capsys, *LONG, "--volatility", "1", "--trend", "0", "--regime", regime)
    assert shown["regime"] == regime.upper().replace("-", "_")


def test_a_plan_is_told_in_the_forms_that_others_read(capsys: pytest.CaptureFixture[str]) -> None:
    shown = answer(capsys, *LONG, "--policy", "profile:TREND_DEFAULT")[1]
    outputs = shown["outputs"]
    assert isinstance(outputs, dict)
    names = [field.name for field in msgspec.structs.fields(Outputs)]
    assert list(outputs) == names
    levels, trail, exits = (outputs[name] for name in names)
    stop, *targets, runner = legs(shown)
    assert (levels["sl_frac"], levels["tp_frac"]) == (stop["asked_frac"], targets[0]["asked_frac"])
    assert levels["trail_callback_frac"] == trail["callback_frac"] == 0.02
    assert [each["trigger_frac"] for each in exits] == [each["asked_frac"] for each in targets] + [
        None
    ]
    assert trail["size_frac"] == runner["size_frac"] == exits[-1]["size_frac"]
    assert answer(capsys, *LONG, "--risk-mode", "ESS_ACTIVE")[1]["outputs"] is None


def test_a_size_told_in_money_is_one_of_the_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    small = answer(capsys, *LONG, "--policy", "dynamic", "--notional", "1000")[1]
    large = answer(capsys, *LONG, "--policy", "dynamic", "--notional", "6000")[1]
    assert (small["qty"], large["qty"]) == ("0.016", "0.100")
    assert "large position" not in str(small["reason"])
    assert "large position" in str(large["reason"])


def test_what_had_to_be_taken_as_usual_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, *LONG)[1]["assumed"] == ["regime"]
    assert answer(capsys, *LONG, "--regime", "TRENDING")[1]["assumed"] == []
    assert main([*BTC, *LONG]) == 0
    assert "not known and taken as usual: regime" in capsys.readouterr().out


def test_where_nothing_would_be_entered_the_code_is_one_and_the_problem_says_why(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "plan.png"
    code, shown = answer(capsys, *LONG, "--risk-mode", "ESS_ACTIVE", "--picture", str(file))
    assert code == 1
    assert "leaves at once" in str(shown["problem"])
    assert (shown["legs"], shown["profile"], shown["picture"]) == ([], None, None)
    assert not file.exists()
    code, shown = answer(capsys, "--side", "LONG", "--leverage", "100")
    assert code == 1
    assert "lower the leverage" in str(shown["problem"])


def test_people_get_the_legs_the_trail_and_the_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--policy", "profile:TREND_DEFAULT", "--notional", "6000"]
    assert main([*BTC, *LONG, *options]) == 0
    text = capsys.readouterr().out
    for word in (
        "profile TREND_DEFAULT",
        "risk mode normal",
        "break-even 60054.0",
        "target 3",
        "runner",
        "2.00 % behind the best price from 1.50 R, 1.50 % from 3.00 R",
        "+2.00",
        "margin_loss",
    ):
        assert word in text


@pytest.mark.parametrize("command", ["plan", "levels"])
@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_a_picture_is_written_and_its_place_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str, side: str
) -> None:
    file = tmp_path / "position.png"
    words = [command, *BTC[1:], "--side", side, "--leverage", "10", "--picture", str(file)]
    assert main(words) == 0
    assert str(file) in capsys.readouterr().err
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--policy", "hope"], "known are adaptive"),
        (["--policy", "profile:NONE"], "there is no profile 'NONE'"),
        (["--regime", "sideways"], "--regime sideways: expected one of NORMAL"),
        (["--risk-mode", "brave"], "--risk-mode brave: expected one of NORMAL"),
        (["--confidence", "2"], "--confidence"),
        (["--trend", "7"], "--trend"),
        (["--volatility", "nan"], "nan"),
        (["--side", "UP"], "--side UP"),
        (["--entry", "-1"], "above zero"),
        (["--picture", "plan.bmp"], "ends in .png"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert main([*BTC, *LONG, *options]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert words in shown.err
