"""The levels somebody asks for at the shell: numbers by hand, and one JSON shape."""

import json
from pathlib import Path

import pytest

from quantum_trader.app.cli import main

BTC = ["levels", "--symbol", "BTCUSDT", "--entry", "60000"]


def answer(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, object]]:
    """The exit code and the JSON of one question."""
    code = main([*BTC, *more, "--json"])
    shown: dict[str, object] = json.loads(capsys.readouterr().out)
    return code, shown


def test_the_formula_and_the_bounds_are_both_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = answer(capsys, "--side", "BUY", "--leverage", "25")
    assert code == 0
    assert list(shown) == [
        "symbol",
        "side",
        "leverage",
        "entry_price",
        "qty",
        "notional_usd",
        "margin_usd",
        "adaptive",
        "effective",
        "bounds",
        "problem",
        "stop_price",
        "target_prices",
        "liquidation_price",
        "liquidation_frac",
        "fees_usd",
        "loss_at_stop_usd",
        "margin_at_stop_frac",
    ]
    adaptive, effective = shown["adaptive"], shown["effective"]
    assert isinstance(adaptive, dict)
    assert isinstance(effective, dict)
    assert list(adaptive) == ["lsf", "tp_frac", "sl_frac", "harvest"]
    assert adaptive["harvest"] == [0.4, 0.4, 0.2]
    assert adaptive["sl_frac"] == pytest.approx(0.0080606131)
    assert effective["sl_frac"] == 0.004, "ten per cent of the margin at 25x"
    assert shown["stop_price"] == "59760.0"
    assert shown["margin_at_stop_frac"] == 0.1
    assert shown["fees_usd"] == "0.76800000", "twice 0.0004 of 960"
    bounds = shown["bounds"]
    assert isinstance(bounds, list)
    assert [each["name"] for each in bounds if each["acted"]] == ["margin_loss"]


def test_a_short_has_its_stop_above_and_its_targets_below(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, shown = answer(capsys, "--side", "short", "--leverage", "5", "--qty", "0.1")
    prices = shown["target_prices"]
    assert isinstance(prices, list)
    assert float(str(shown["stop_price"])) > 60_000 > float(prices[0]) > float(prices[1])
    assert shown["qty"] == "0.100"
    assert shown["notional_usd"] == "6000.00000000"


def test_where_no_stop_fits_the_code_is_one_and_the_problem_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, shown = answer(capsys, "--side", "LONG", "--leverage", "100")
    assert code == 1
    assert shown["effective"] is None
    assert shown["stop_price"] is None
    assert "lower the leverage" in str(shown["problem"])


def test_more_leverage_than_the_venue_gives_is_a_problem(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, shown = answer(capsys, "--side", "LONG", "--leverage", "45", "--notional", "50000000")
    assert code == 1
    assert "the venue allows at most" in str(shown["problem"])


def test_the_market_moves_the_levels(capsys: pytest.CaptureFixture[str]) -> None:
    calm = answer(capsys, "--side", "LONG", "--leverage", "5")[1]["adaptive"]
    wild = answer(capsys, "--side", "LONG", "--leverage", "5", "--volatility", "2")[1]["adaptive"]
    paid = answer(capsys, "--side", "LONG", "--leverage", "5", "--funding", "-0.1")[1]["adaptive"]
    assert isinstance(calm, dict)
    assert isinstance(wild, dict)
    assert isinstance(paid, dict)
    assert wild["sl_frac"] == pytest.approx(calm["sl_frac"] * 1.4)
    assert paid["tp_frac"][0] == pytest.approx(calm["tp_frac"][0] * 0.92)


def test_people_get_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BTC, "--side", "LONG", "--leverage", "10"]) == 0
    text = capsys.readouterr().out
    for word in ("stop", "59530.7", "target 3", "liquidation", "margin_loss", "% of margin"):
        assert word in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--side", "UP", "--leverage", "5"], "--side UP"),
        (["--side", "LONG", "--leverage", "0"], "--leverage"),
        (["--side", "LONG", "--leverage", "5", "--qty", "1", "--notional", "5"], "give one"),
        (["--side", "LONG", "--leverage", "5", "--qty", "0.0001"], "less than one step"),
        (["--side", "LONG", "--leverage", "5", "--qty", "lots"], "not a number"),
        (["--side", "LONG", "--leverage", "5", "--volatility", "nan"], "volatility_factor"),
        (["--side", "LONG", "--leverage", "5", "--entry", "-1"], "above zero"),
        (["--side", "LONG", "--leverage", "5", "--symbol", "XUSDT"], "--instruments FILE"),
        (["--side", "LONG", "--leverage", "5", "--instruments", "/no/file"], "/no/file"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert main([*BTC, *options]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert words in shown.err


def test_real_instruments_and_brackets_are_read(
    capsys: pytest.CaptureFixture[str], shared_data: Path
) -> None:
    rest = shared_data / "binance" / "rest"
    instruments = rest / "exchangeInfo_20260704.json.zst"
    brackets = rest / "leverageBracket_20260507.json.zst"
    code, shown = answer(
        capsys,
        "--side", "LONG", "--leverage", "20",
        "--symbol", "LTCUSDT", "--entry", "100",
        "--instruments", str(instruments), "--brackets", str(brackets),
    )  # fmt: skip
    assert code == 0
    assert shown["symbol"] == "LTCUSDT"
