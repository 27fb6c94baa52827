"""``quantum exits compare``: the very system, the same entries for all, nothing else differs."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from quantum_trader.app.bench.walk import BAR_MS, FIRST_MS, walk
from quantum_trader.app.cli import main
from quantum_trader.app.comparison.outcome import answer, judge
from quantum_trader.app.comparison.page import render
from quantum_trader.app.comparison.preparing import BEFORE_BARS, Prepared, prepare
from quantum_trader.app.comparison.source import Source
from quantum_trader.app.comparison.trial import Trial, try_policy
from quantum_trader.app.comparison.wanted import Entries, Slippage, Wanted
from quantum_trader.core.events import TradeClosed
from quantum_trader.core.market.view import STATE_EVERY_BARS
from quantum_trader.research.entries import Entry, Span
from quantum_trader.research.policy_row import Run

BARS = 9_000
HOUR_MS = 3_600_000
SETTLEMENTS = 10
KEYS = {"verdict", "policies", "pairs", "conditions", "problems", "report"}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two symbols, a hole in the second, and funding for the first."""
    root = tmp_path_factory.mktemp("recorded")
    folder = root / "klines_1m"
    folder.mkdir()
    for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        opens = [FIRST_MS + BAR_MS * (n + 90 * seed * (n > 5_000)) for n in range(BARS)]
        columns = {**walk(BARS, seed)._asdict(), "open_time": opens, "volume": [1.0] * BARS}
        pl.DataFrame(columns).write_parquet(folder / f"{symbol}.parquet")
    (root / "funding").mkdir()
    times = [FIRST_MS + 8 * HOUR_MS * number for number in range(SETTLEMENTS)]
    rates = {"funding_time": times, "funding_rate": [0.001] * len(times)}
    pl.DataFrame(rates).write_parquet(root / "funding" / "BTCUSDT.parquet")
    return folder


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of this machine leak in."""
    for name in ("QT_LIMITS__RISK_FRAC", "QT_EXITS__POLICY"):
        monkeypatch.delenv(name, raising=False)


def wanted(recording: Path, **changes: Any) -> Wanted:
    """Two policies on twenty entries."""
    usual = Wanted(
        paths=(recording,),
        policies=("adaptive", "static_3_4"),
        entries=Entries(source="random", count=20),
        notional_usd=Decimal(10_000),
    )
    return msgspec.structs.replace(usual, **changes)


def runs_of(prepared: Prepared) -> tuple[Run, ...]:
    """What every policy made of it."""
    return tuple(judge(prepared, lambda _: None).runs)


def entered(trade: TradeClosed) -> tuple[object, ...]:
    """What an entry is, whatever became of it."""
    return trade.trace_id, trade.side, trade.qty, trade.entry_vwap, trade.opened_ms


def left(run: Run) -> list[tuple[object, ...]]:
    """How the trades of a run went, without the names of their facts."""
    return sorted(
        (*entered(each), each.exit_vwap, each.closed_ms, each.reason) for each in run.trades
    )


def test_every_policy_gets_the_same_entries_and_leaves_them_its_own_way(recording: Path) -> None:
    prepared = prepare(wanted(recording))
    adaptive, static = runs_of(prepared)
    assert len(adaptive.trades) == len(static.trades) == len(prepared.entries) == 20
    assert sorted(map(entered, adaptive.trades)) == sorted(map(entered, static.trades))
    assert {trade.trace_id for trade in adaptive.trades} == {one.name for one in prepared.entries}
    assert {trade.opened_ms for trade in adaptive.trades} == {one.at_ms for one in prepared.entries}
    assert left(adaptive) != left(static)
    assert adaptive.refused == static.refused == {}
    assert adaptive.problems == static.problems == ()


def test_entries_lie_where_everything_is_known_and_every_trade_ends(recording: Path) -> None:
    prepared = prepare(wanted(recording, entries=Entries(source="random", count=10_000)))
    hole_ms = FIRST_MS + BAR_MS * 5_001
    for entry in prepared.entries:
        began_ms = hole_ms + 90 * BAR_MS if entry.at_ms > hole_ms else FIRST_MS
        began_ms = began_ms if entry.symbol == "ETHUSDT" else FIRST_MS
        assert entry.at_ms - began_ms >= BEFORE_BARS * BAR_MS
    assert len(prepared.entries) > 30
    (run, _) = runs_of(prepared)
    assert run.problems == ()
    assert len(run.trades) == len(prepared.entries)
    assert all(trade.hold_ms <= 4 * HOUR_MS + BAR_MS for trade in run.trades)


def test_what_lies_farther_back_changes_nothing(recording: Path) -> None:
    farther_bars = 3 * STATE_EVERY_BARS  # Whole rounds, so that the same bars are sampled.
    prepared = prepare(wanted(recording, symbols=("BTCUSDT",), policies=("adaptive", "profile")))
    least_ms = (BEFORE_BARS + farther_bars) * BAR_MS
    entries, free_ms = [], FIRST_MS
    for entry in prepared.entries:
        if entry.at_ms >= free_ms + least_ms:
            entries.append(entry)
            free_ms = entry.at_ms + 5 * HOUR_MS
    assert len(entries) > 2
    near, far = (
        runs_of(
            msgspec.structs.replace(
                prepared,
                entries=tuple(entries),
                sources=_sources_of(prepared, entries, bars),
            )
        )
        for bars in (BEFORE_BARS, BEFORE_BARS + farther_bars)
    )
    assert [left(run) for run in near] == [left(run) for run in far]


def _sources_of(prepared: Prepared, entries: Sequence[Entry], bars: int) -> tuple[Source, ...]:
    (source,) = prepared.sources
    spans = (Span(one.at_ms - bars * BAR_MS, one.at_ms + 5 * HOUR_MS) for one in entries)
    return (msgspec.structs.replace(source, spans=tuple(spans)),)


def test_slippage_is_paid_by_what_takes_liquidity(recording: Path) -> None:
    cheap, dear = (
        runs_of(prepare(wanted(recording, policies=("static_3_4",), slippage=slippage)))[0]
        for slippage in (Slippage(ticks=0), Slippage(ticks=0, bps=Decimal(20)))
    )
    for one, other in zip(
        sorted(map(entered, cheap.trades)), sorted(map(entered, dear.trades)), strict=True
    ):
        price, worse = Decimal(str(one[3])), Decimal(str(other[3]))
        assert abs(worse / price - 1) == pytest.approx(Decimal("0.002"), abs=Decimal("0.00002"))
        assert (worse > price) == (one[1] == "LONG")


def test_funding_counts_where_it_is_known(recording: Path) -> None:
    prepared = prepare(wanted(recording, entries=Entries(source="random", count=10_000)))
    (run, _) = runs_of(prepared)
    paid = {trade.symbol for trade in run.trades if trade.funding_usd}
    assert paid == {"BTCUSDT"}
    known_until_ms = FIRST_MS + SETTLEMENTS * 8 * HOUR_MS
    bitcoin = [entry.at_ms for entry in prepared.entries if entry.symbol == "BTCUSDT"]
    assert 0 < prepared.funded < len(bitcoin)
    assert prepared.funded == sum(at_ms <= known_until_ms for at_ms in bitcoin)


def test_an_entry_refused_under_one_policy_is_counted_there_and_in_no_pair(
    recording: Path,
) -> None:
    prepared = prepare(wanted(recording, policies=("static_0.5_1", "static_3_4")))
    limits = msgspec.structs.replace(prepared.rules.limits, risk_max_frac=Decimal("0.0000075"))
    rules = msgspec.structs.replace(prepared.rules, limits=limits)
    outcome = judge(msgspec.structs.replace(prepared, rules=rules), lambda _: None)
    tight, wide = outcome.comparison.policies
    assert (tight.trades, tight.refused) == (20, {})
    assert (wide.trades, wide.refused) == (0, {"risk_within": 20})
    assert outcome.comparison.pairs == ()
    assert outcome.comparison.problems == ("static_0.5_1 and static_3_4 share no entry",)


def test_a_models_entries_are_its_own(recording: Path) -> None:
    every = prepare(wanted(recording, entries=Entries(source="ema_cross", count=None)))
    some = prepare(wanted(recording, entries=Entries(source="ema_cross", count=5)))
    assert len(every.entries) > 10
    assert len(some.entries) == 5
    assert set(some.entries) < set(every.entries)
    assert (
        every.entries
        == prepare(
            wanted(recording, entries=Entries(source="ema_cross", count=None), seed=9)
        ).entries
    )


def test_a_recording_that_ends_with_a_position_is_a_problem(recording: Path) -> None:
    prepared = prepare(wanted(recording))
    entry = prepared.entries[0]
    source = next(each for each in prepared.sources if each.symbol == entry.symbol)
    cut = msgspec.structs.replace(
        source, spans=(Span(entry.at_ms - BEFORE_BARS * BAR_MS, entry.at_ms),)
    )
    trial = Trial(
        policy="adaptive",
        rules=prepared.rules,
        slippage=Slippage(),
        sources=(cut,),
        entries=(entry,),
        notional_usd=Decimal(10_000),
    )
    run = try_policy(trial, lambda _: None)
    assert run.problems == ("adaptive: 1 trades did not end within their part of the recording",)
    assert len(run.trades) == 1


def test_progress_tells_of_every_bar(recording: Path) -> None:
    prepared = prepare(wanted(recording))
    told: list[int] = []
    judge(prepared, told.append)
    assert sum(told) == prepared.bars
    assert len(told) > 2


@pytest.fixture
def shell(recording: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that types the command and returns its exit code and its two outputs."""

    def typed(*options: str) -> tuple[int, str, str]:
        code = main(["exits", "compare", str(recording), "--jobs", "1", *options])
        return code, *capsys.readouterr()

    return typed


def test_as_json_it_is_one_object_that_says_the_same_each_time(shell: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    options = ("--policies", "adaptive,static_3_4", "--entries", "random:12", "--json")
    code, out, _ = shell(*options, "--report", str(page))
    told = json.loads(out)
    assert code == 0
    assert set(told) == KEYS
    assert [row["name"] for row in told["policies"]] == ["adaptive", "static_3_4"]
    for row in told["policies"]:
        assert row["trades"] == 12
        assert row["ci_r"][0] <= row["expectancy_r"] <= row["ci_r"][1]
    assert [(pair["name"], pair["against"]) for pair in told["pairs"]] == [
        ("static_3_4", "adaptive")
    ]
    assert told["verdict"].startswith("adaptive cannot be told from static_3_4")
    assert told["report"] == str(page)
    again = json.loads(shell(*options)[1])
    for each in (told, again):
        del each["conditions"]["seconds"], each["report"]
    assert again == told


def test_people_get_the_answer_first(shell: Any) -> None:
    code, out, _ = shell("--policies", "adaptive,dynamic", "--entries", "model:ema_cross:8")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("adaptive cannot be told from dynamic: what differs may be chance")
    assert any(line.startswith("Result, R a trade") for line in lines)
    assert any(line.startswith("adaptive left by ") for line in lines)
    assert "8 ema_cross model's entries in 2 symbols, 2025-01-0" in lines[-1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--policies", "adaptive,nonsense"), "there is no 'nonsense'; known are adaptive"),
        (("--policies", " , "), "name at least one"),
        (("--entries", "random:0"), "write random:400 or one of model:ema_cross"),
        (("--entries", "model:luck"), "write random:400 or one of model:ema_cross"),
        (("--entries", "random"), "write random:400 or one of model:ema_cross"),
        (("--notional", "0"), "--notional is an amount above 0"),
        (("--slippage-bps", "-1"), "--slippage-bps 0 or more"),
        (("--from", "soon"), "'soon' is no time"),
        (("--symbols", "DOGEUSDT"), "no candles for DOGEUSDT"),
        (("--to", "2025-01-01T08:00"), "no entry is possible there: it needs"),
        (("--report", "/nowhere/at/all.html"), "name a file in a folder that exists"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    shell: Any, options: tuple[str, ...], said: str
) -> None:
    code, out, err = shell(*options)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.slow
def test_processes_change_nothing_but_the_time(recording: Path) -> None:
    alone, together = (runs_of(prepare(wanted(recording, jobs=jobs))) for jobs in (1, 2))
    assert [run.policy for run in together] == ["adaptive", "static_3_4"]
    assert alone == together


def test_the_page_holds_every_policy_and_needs_nobody(recording: Path) -> None:
    prepared = prepare(wanted(recording))
    outcome = judge(prepared, lambda _: None)
    page = render(answer(prepared, outcome), outcome.runs)
    assert outcome.verdict.text.replace("'", "&#39;") in page
    assert page.count("</script>") == 3
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert [len(each["r"]) for each in data["policies"]] == [20, 20]
    (pair,) = data["pairs"]
    assert pair["r"][-1] / 20 == pytest.approx(outcome.comparison.pairs[0].r.mean, abs=1e-4)
    assert pair["t"] == sorted(pair["t"])
