"""The bench: its arithmetic, its inputs, and that every benchmark runs."""

import json
import math

import pytest

from quantum_trader.app.bench.bare_replay import bare_replay
from quantum_trader.app.bench.levels_speed import _inputs, plain
from quantum_trader.app.bench.measure import Aim, Effort, Spread, row, spread
from quantum_trader.app.bench.redis_path import quantile
from quantum_trader.app.bench.replay_speed import replay_walk
from quantum_trader.app.bench.walk import candles, walk
from quantum_trader.app.cli import main
from quantum_trader.app.cli.bench import BENCHMARKS
from quantum_trader.core.exits.levels_array import adaptive_rows


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


def test_a_benchmark_nobody_knows_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--only", "luck", "--json"]) == 2
    assert "throughput" in json.loads(capsys.readouterr().out)["error"]["what"]


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
