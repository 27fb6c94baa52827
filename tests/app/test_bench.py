"""The bench: its arithmetic, its inputs, and that every benchmark runs."""

import json
import math

import pytest

from quantum_trader.app.bench.bare_replay import bare_replay
from quantum_trader.app.bench.exits import POSITIONS, _agreeing, bare_exits
from quantum_trader.app.bench.levels_speed import _inputs, plain
from quantum_trader.app.bench.measure import Aim, Effort, Spread, row, spread
from quantum_trader.app.bench.positions import positions
from quantum_trader.app.bench.redis_path import quantile
from quantum_trader.app.bench.replay_speed import replay_walk
from quantum_trader.app.bench.walk import candles, walk
from quantum_trader.app.cli import main
from quantum_trader.app.cli.bench import BENCHMARKS
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.exits.brain import evaluate
from quantum_trader.core.exits.context_array import rows_of
from quantum_trader.core.exits.levels_array import adaptive_rows
from quantum_trader.core.rules import ExitRules


def test_a_spread_is_the_smallest_the_middle_and_the_largest() -> None:
    assert spread([3.0, 1.0, 9.0, 2.0, 4.0]) == Spread(1.0, 3.0, 9.0)


def test_ratios_are_run_by_run_and_judged_by_their_median() -> None:
    aim = Aim(name="a", unit="x", note="", target=0.5, of_ratio=True)
    told = row(aim, [1.0, 2.0, 3.0], [2.0, 4.0, 4.0])
    assert told.ratio == Spread(0.5, 0.5, 0.75)
    assert told.met is True
    assert row(aim, [1.0], [2.1]).met is False


def test_a_target_may_be_above_or_below_and_may_be_missing() -> None:
    low = Aim(name="a", unit="x", note="", target=5.0, better="below")
    assert row(low, [5.0, 6.0, 1.0]).met is True
    assert row(low, [5.1]).met is False
    high = Aim(name="a", unit="x", note="", target=5.0)
    assert row(high, [5.1]).met is True
    assert row(high, [4.9]).met is False
    assert row(Aim(name="a", unit="x", note=""), [4.9]).met is None


def test_time_ends_the_repetitions_but_never_the_first() -> None:
    assert list(Effort(repetitions=3).rounds()) == [0, 1, 2]
    assert list(Effort(repetitions=3, seconds_max=-1.0).rounds()) == [0]


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert quantile(values, 0.5) == 51.0
    assert quantile(values, 0.99) == 100.0
    assert quantile([7.0], 0.99) == 7.0


def test_the_walk_is_the_same_for_a_seed_and_its_bars_are_bars() -> None:
    one, again, other = walk(500, 7), walk(500, 7), walk(500, 8)
    assert one == again != other
    for before, bar in zip(candles(one), list(candles(one))[1:], strict=False):
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.open_ms == before.at_ms
        assert bar.open == pytest.approx(before.close)


async def test_the_bare_loop_has_about_the_same_idea_as_the_system() -> None:
    prices = walk(6_000, 7)
    trades, net_usd = bare_replay(prices)
    result = await replay_walk(prices)
    assert 0.7 < trades / len(result.trades) < 1.4
    assert math.isfinite(net_usd)


def test_the_plain_formula_is_the_formula() -> None:
    inputs, _ = _inputs()
    ours, (bare, _) = adaptive_rows(inputs), plain(inputs)
    assert bare.lsf == pytest.approx(ours.lsf)
    assert bare.tp_frac == pytest.approx(ours.tp_frac)
    assert bare.sl_frac == pytest.approx(ours.sl_frac)


def test_the_positions_are_the_same_for_a_seed_and_most_rules_speak_among_them() -> None:
    one, again = positions(200, 13), positions(200, 13)
    assert one == again != positions(200, 14)
    verdicts = [evaluate(each, ExitRules()) for each in one]
    assert len({said.rule for verdict in verdicts for said in verdict.asked}) > 5
    quiet = [verdict for verdict in verdicts if not verdict.decisions]
    assert 0.4 < len(quiet) / len(verdicts) < 0.9


def test_the_bare_loop_over_positions_counts_the_stops_that_were_reached() -> None:
    book = positions(POSITIONS, 13)
    reached = [one for one in book if one.sign * ((one.mark or 0.0) - (one.stop or 0.0)) <= 0.0]
    assert bare_exits(book) == len(reached) > 0


def test_exits_are_not_timed_where_columns_and_brain_differ() -> None:
    book = positions(50, 13)
    rows = rows_of(book)
    assert _agreeing(book, rows) > 0
    with pytest.raises(BrokenInvariant, match="time_exit"):
        _agreeing(book, rows._replace(opened_ms=rows.now_ms))


@pytest.mark.parametrize("named", [["luck"], ["--only", "luck"], ["replay", "luck"]])
def test_a_benchmark_nobody_knows_is_wrong_usage(
    named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *named, "--json"]) == 2
    said = json.loads(capsys.readouterr().out)["error"]["what"]
    assert "luck" in said
    assert "throughput" in said


def test_benchmarks_are_named_by_arguments_or_by_only_and_run_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = ["exits", "levels", "--only", " levels,exits"]
    assert main(["bench", *both, "--quick", "--repetitions", "1", "--json"]) == 0
    rows = [line["name"].split()[0] for line in json.loads(capsys.readouterr().out)["rows"]]
    assert rows == ["levels", "bounds", "exits", "exits-vector", "columns"]


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", "--only", name, "--repetitions", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"python", "machine", "cores", "load", "quick", "rows"}
    for line in told["rows"]:
        assert line["met"] is None
        assert 0 < line["ours"]["min"] <= line["ours"]["median"] <= line["ours"]["max"]
        assert (line["bare"] is None) == (line["ratio"] is None)


def test_people_get_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", "--only", "levels", "--repetitions", "1"]) == 0
    assert "levels of 580 symbols" in capsys.readouterr().out
