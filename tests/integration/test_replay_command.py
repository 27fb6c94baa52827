"""``quantum replay``: candles to numbers and a page, and the log of a run lived through again."""

import asyncio
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.connection import connect
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.app.bench.crowd import intent, roomy_rules, symbols
from quantum_trader.app.bench.live_path import LivePath
from quantum_trader.app.bench.walk import BAR_MS, FIRST_MS, walk
from quantum_trader.app.cli import main
from quantum_trader.app.replay import replay as honest
from quantum_trader.streams import ORDER_COMMAND, TRADER

BARS = 6_000
REPORT_MB_MAX = 8.0
KEYS = {
    "model",
    "symbols",
    "first_ms",
    "last_ms",
    "bars",
    "seconds",
    "bars_per_s",
    "deposit_usd",
    "net_usd",
    "return_frac",
    "fees_usd",
    "funding_usd",
    "max_drawdown_frac",
    "sharpe",
    "sortino",
    "trades",
    "win_rate_frac",
    "profit_factor",
    "r_mean",
    "exposure_frac",
    "exits",
    "refusals",
    "skips",
    "exposed_bars",
    "unprotected_bars",
    "ledger_sum_usd",
    "equity_gap_usd",
    "state_hash",
    "problems",
    "report",
}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a running system leaks in."""
    monkeypatch.delenv("QT_REDIS_URL", raising=False)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return a folder with two recorded symbols, one of them with funding rates."""
    folder = tmp_path / "klines_1m"
    folder.mkdir()
    for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        prices = walk(BARS, seed)
        opens = [FIRST_MS + BAR_MS * number for number in range(BARS)]
        columns = {**prices._asdict(), "open_time": opens, "volume": [1.0] * BARS}
        pl.DataFrame(columns).write_parquet(folder / f"{symbol}.parquet")
    (tmp_path / "funding").mkdir()
    times = [FIRST_MS + 8 * 3_600_000 * number for number in range(1, 12)]
    rates = {"funding_time": times, "funding_rate": [0.0005] * len(times)}
    pl.DataFrame(rates).write_parquet(tmp_path / "funding" / "BTCUSDT.parquet")
    return folder


def shell(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, Any, str]:
    """The exit code, the JSON object, and what was said beside it."""
    code = main(["replay", *map(str, words), "--json"])
    shown = capsys.readouterr()
    return code, json.loads(shown.out), shown.err


def test_the_json_has_its_keys_and_honest_types(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told, _ = shell(capsys, recording)
    assert code == 0
    assert set(told) == KEYS
    assert told["symbols"] == ["BTCUSDT", "ETHUSDT"]
    assert told["bars"] == 2 * BARS
    assert told["trades"] == sum(told["exits"].values()) > 20
    assert told["refusals"]["one_plan_per_symbol"] > 0
    for money in ("net_usd", "fees_usd", "funding_usd", "ledger_sum_usd", "equity_gap_usd"):
        assert isinstance(told[money], str)
        Decimal(told[money])
    assert isinstance(told["max_drawdown_frac"], float)
    assert Decimal(told["fees_usd"]) > 0
    assert Decimal(told["funding_usd"]) != 0
    assert told["unprotected_bars"] == 0
    assert told["ledger_sum_usd"] == "0"
    assert Decimal(told["equity_gap_usd"]) == 0
    assert told["problems"] == []


def test_the_same_recording_gives_the_same_hash_and_another_one_another(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hashes = [shell(capsys, recording / "BTCUSDT.parquet")[1]["state_hash"] for _ in range(2)]
    hashes.append(shell(capsys, recording / "ETHUSDT.parquet")[1]["state_hash"])
    assert hashes[0] == hashes[1] != hashes[2]


def test_symbols_times_model_and_leverage_are_taken(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    span = ("--from", "2025-01-01T01:00", "--to", FIRST_MS + 3 * 3_600_000)
    code, told, _ = shell(capsys, recording, "--symbols", "ethusdt", *span, "--model", "trend")
    assert code == 0
    assert (told["symbols"], told["bars"], told["model"]) == (["ETHUSDT"], 120, "trend")
    assert told["first_ms"] == FIRST_MS + 3_600_000
    ten = shell(capsys, recording / "BTCUSDT.parquet")[1]
    twenty = shell(capsys, recording / "BTCUSDT.parquet", "--leverage", 20)[1]
    assert ten["state_hash"] != twenty["state_hash"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name at least one file"),
        (("no-such.parquet",), "no such file"),
        (("RECORDING", "--symbols", "XXXUSDT"), "no candles for XXXUSDT"),
        (("RECORDING", "--model", "oracle"), "no model 'oracle'"),
        (("RECORDING", "--from", "yesterday"), "is no time"),
        (("RECORDING", "--report", "/nowhere/out.html"), "a folder that exists"),
        (("RECORDING", "--leverage", "90"), "leverage"),
        (("RECORDING", "--from-log"), "takes no candles"),
    ],
)
def test_wrong_usage_is_told_and_nothing_is_replayed(
    recording: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code, told, _ = shell(capsys, *(recording if word == "RECORDING" else word for word in words))
    assert code == 2
    assert said in told["error"]["what"]
    assert told["error"]["remedy"]


def test_a_symbol_without_rules_is_refused_with_the_way_out(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recording / "BTCUSDT.parquet").rename(recording / "NEWUSDT.parquet")
    code, told, _ = shell(capsys, recording / "NEWUSDT.parquet")
    assert code == 2
    assert "--instruments" in told["error"]["what"]


def test_progress_tells_bars_a_second_and_only_when_wanted(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, loud = shell(capsys, recording, "--progress")
    _, _, quiet = shell(capsys, recording, "--no-progress")
    assert "bars/s" in loud
    assert not quiet


def test_what_must_never_happen_ends_with_exit_code_1(
    recording: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def naked(*given: Any) -> Any:
        result = await honest(*given)
        result.unprotected_bars = 1
        return result

    monkeypatch.setattr("quantum_trader.app.cli.replay.replay", naked)
    code, told, _ = shell(capsys, recording / "BTCUSDT.parquet")
    assert code == 1
    assert "without a confirmed stop" in told["problems"][0]


def test_people_get_a_table_with_the_same_numbers(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told, _ = shell(capsys, recording)
    assert main(["replay", str(recording)]) == 0
    text = capsys.readouterr().out
    assert told["state_hash"] in text
    assert f"{told['trades']:,} trades" in text
    for name in ("Max drawdown", "Sharpe", "Profit factor", "Exposure", "Refusals", "bars/s"):
        assert name in text


def test_the_page_is_one_file_that_asks_nobody_and_agrees_with_the_numbers(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "out.html"
    _, told, _ = shell(capsys, recording, "--report", page)
    assert told["report"] == str(page)
    text = page.read_text(encoding="utf-8")
    assert len(text) < REPORT_MB_MAX * 1e6
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?(?:https?:)?//", text)
    drawn = json.loads(re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)[0])
    assert sum(drawn["r"]["counts"]) == told["trades"] == len(drawn["trades"])
    net_usd = sum(trade["net"] for trade in drawn["trades"])
    assert net_usd == pytest.approx(float(told["net_usd"]), abs=0.01 * told["trades"])
    assert drawn["equity"]["equity"][-1] - drawn["equity"]["deposit"] == pytest.approx(
        float(told["net_usd"]), abs=0.01
    )
    assert min(drawn["equity"]["fall"]) == pytest.approx(-told["max_drawdown_frac"], abs=1e-6)
    assert all(trade["stops"] and trade["fills"] and trade["targets"] for trade in drawn["trades"])


def test_one_recorded_week_is_replayed_to_the_end(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shared_data / "binance_um" / "klines_1m" / "ETHUSDT.parquet"
    span = ("--from", "2025-02-01", "--to", "2025-02-08")
    code, told, _ = shell(capsys, file, *span)
    assert code == 0
    assert told["bars"] > 5_000
    assert told["trades"] > 20
    assert told["unprotected_bars"] == 0
    assert told["ledger_sum_usd"] == "0"


async def _recorded_run(folder: Path, break_it: str = "") -> None:
    """A run with a snapshot every 40 facts, and what a broken disk or a liar made of it."""
    server = EmbeddedServer(folder)
    url = await server.start()
    names = symbols(12)
    async with LivePath(url, folder, roomy_rules(len(names)), snapshot_every=40) as path:
        await path.propose([intent(name) for name in names])
        opened: list[str] = []
        while len(opened) < len(names):
            opened += await path.results()
    client: Any = connect(url, answer_timeout_s=5.0)
    if break_it == "words":
        row = (await client.xrange(ORDER_COMMAND, count=1))[0]
        await client.xdel(ORDER_COMMAND, row[0])
    if break_it == "snapshot":
        blob = await client.hget(keys.snapshot(TRADER), "blob")
        await client.hset(
            keys.snapshot(TRADER), "blob", blob.replace(b'"wallet":"', b'"wallet":"1')
        )
    await client.aclose()
    await server.stop()


def test_a_log_that_is_lived_through_again_gives_the_same_state_and_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(_recorded_run(tmp_path))
    code, told, _ = shell(capsys, "--from-log", "--data-dir", tmp_path)
    assert code == 0
    assert told["same"] is True
    assert told["log_hash"] == told["run_hash"]
    assert told["facts"] > 60
    assert told["outputs"] > 100
    assert main(["replay", "--from-log", "--data-dir", str(tmp_path)]) == 0
    assert told["log_hash"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("broken", "said"), [("words", "order.command"), ("snapshot", "the run's own snapshot")]
)
def test_a_log_that_differs_from_what_the_run_said_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: str, said: str
) -> None:
    asyncio.run(_recorded_run(tmp_path, broken))
    code, told, _ = shell(capsys, "--from-log", "--data-dir", tmp_path)
    assert code == 1
    assert told["same"] is False
    assert any(said in difference for difference in told["differences"])


def test_a_folder_without_a_run_has_no_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told, _ = shell(capsys, "--from-log", "--data-dir", tmp_path)
    assert code == 2
    assert "no run was recorded" in told["error"]["what"]
