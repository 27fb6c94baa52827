"""The shell against a real server on which a real trader runs."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from quantum_trader import streams
from quantum_trader.adapters.bus.leases import RedisLeases
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.adapters.clock import SystemClock
from quantum_trader.app.board import Board
from quantum_trader.app.cli import main
from quantum_trader.app.health import BEATING
from quantum_trader.app.instance import this_process
from quantum_trader.core.events import RulesAdopted
from quantum_trader.core.state import TraderState
from quantum_trader.core.trader import step
from quantum_trader.services.clock import ClockService
from quantum_trader.services.fold import Fold
from quantum_trader.services.loop import Consumer
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.services.wire import Reader, write
from quantum_trader.streams import OPERATOR_STREAM, TRADE_INTENT, TRADER, read_by
from tests.support import ACCOUNT, some_rules

LEASE_MS = 600_000
QUANTUM = Path(sys.executable).parent / "quantum"


class Shell:
    """A shell beside a running system; what is typed runs in a thread, as a process would."""

    def __init__(self, folder: Path, bus: RedisBus, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.bus = bus
        self.capsys = capsys

    async def text(self, *words: str) -> tuple[int, str]:
        """The exit code and everything that was printed."""
        where = ["--data-dir", str(self.folder)]
        code = await asyncio.to_thread(main, [*words, *where])
        shown = self.capsys.readouterr()
        return code, shown.out + shown.err

    async def json(self, *words: str) -> tuple[int, Any]:
        """The exit code and the JSON object."""
        where = ["--data-dir", str(self.folder), "--json"]
        code = await asyncio.to_thread(main, [*words, *where])
        return code, json.loads(self.capsys.readouterr().out)


@pytest.fixture
async def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shell]:
    """Return a shell beside a server, a clock and a trader that has rules and no market."""
    monkeypatch.delenv("QT_REDIS_URL", raising=False)
    monkeypatch.delenv("QT_DATA_DIR", raising=False)
    server = EmbeddedServer(tmp_path)
    url = await server.start()
    bus, leases = RedisBus(url, consumer="test"), RedisLeases(url)
    await leases.hold(ACCOUNT, "test", this_process(), LEASE_MS)
    await leases.close()
    for service, key in streams.groups():
        await bus.open_group(service, key, "0")
    for service in (*BEATING, *streams.KEEPERS):
        await bus.beat(service, {"at": str(SystemClock().now_ms()).encode()})
    rules = RulesAdopted(id="rules", at_ms=1, trace_id="", account=ACCOUNT, rules=some_rules())
    await bus.append(OPERATOR_STREAM, [write(rules)], writer="operator")
    fold = Fold(step, TraderState, snapshots_of(TraderState, 1_000), Reader(ACCOUNT), Board())
    settings = LoopSettings(account=ACCOUNT, block_ms=50)
    trader = Consumer(bus, TRADER, read_by(TRADER), fold, settings, clock=SystemClock())
    clock = ClockService(bus, SystemClock())
    running = [asyncio.create_task(one.run()) for one in (trader, clock)]
    yield Shell(tmp_path, bus, capsys)
    while not all(one.done() for one in running):
        for one in running:
            one.cancel()  # Again and again: a cancel can be lost in a library's time limit.
        await asyncio.wait(running, timeout=0.2)
    await bus.close()
    await server.stop()


async def test_where_nothing_runs_the_doctor_is_red_and_orders_reach_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QT_REDIS_URL", raising=False)
    where = ["--data-dir", str(tmp_path)]
    assert await asyncio.to_thread(main, ["doctor", *where, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["status", "findings", "server", "folder"]
    assert (told["status"], told["server"]) == ("red", None)
    assert list(told["findings"][0]) == ["name", "level", "where", "what", "money", "remedy"]
    assert told["folder"]["disk_free_bytes"] > 0
    assert await asyncio.to_thread(main, ["halt", *where]) == 1
    assert "no system runs in" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["halt", "--url", "redis://127.0.0.1:1/0"]) == 1
    assert "no answer from the stream server" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["halt", "--url", "127.0.0.1"]) == 2
    assert "redis_url" in capsys.readouterr().err


async def test_a_running_system_is_green(shell: Shell) -> None:
    code, text = await shell.text("doctor")
    assert (code, text) == (0, "green: the system runs as declared\n")
    code, told = await shell.json("doctor")
    assert (told["status"], told["findings"]) == ("green", [])
    assert told["server"]["lease"]["pid"] == os.getpid()
    assert told["server"]["server_fsync"] == "everysec"
    assert abs(told["server"]["server_clock_ms"]) < 1_000
    assert told["folder"]["journal_records"] is None, "nobody writes a journal here"


async def test_an_intent_is_answered_and_explained(shell: Shell) -> None:
    code, told = await shell.json(
        "intent", "BTCUSDT", "LONG", "--notional", "500", "--reason", "a test", "--wait", "10"
    )
    assert code == 1, "there is no market, so it is refused"
    assert list(told) == ["trace_id", "plan_id", "signal_id", "clock", "intent", "result"]
    assert told["result"]["type"] == "intent.refused"
    assert told["clock"] == "wall"
    code, story = await shell.json("explain", told["trace_id"])
    assert code == 0
    assert list(story) == [
        "query",
        "trace_id",
        "plan_id",
        "symbol",
        "outcome",
        "lines",
        "facts",
    ]
    assert story["outcome"] == "refused"
    assert [line["kind"] for line in story["lines"]] == ["intent.proposed", "intent.refused"]
    assert list(story["lines"][0]) == ["at_ms", "kind", "text"]
    code, text = await shell.text("explain", told["plan_id"])
    assert "worth 500.00 USDT because: a test" in text
    assert "mark" in text
    code, text = await shell.text("explain", "nobody")
    assert code == 2
    assert "no intent, plan or signal of this name" in text


async def test_drain_halt_and_resume_reach_the_trader(shell: Shell) -> None:
    code, told = await shell.json("drain", "on", "--why", "a release")
    assert code == 0
    assert list(told) == ["ordered", "means"]
    assert (told["ordered"]["on"], told["ordered"]["why"]) == (True, "a release")
    code, told = await shell.json("intent", "BTCUSDT", "LONG", "--wait", "10")
    assert code == 0
    assert told["result"]["kind"] == "safe_drain"
    await shell.text("drain", "off")
    for order, level in ((["halt"], "HALT"), (["resume", "--yes"], "RUN")):
        code, told = await shell.json(*order)
        assert (code, told["ordered"]["level"], told["in_force"]) == (0, level, True)
        assert told["latch"] is None, "a folder that is nobody's account holds no latch"
        _, told = await shell.json("intent", "BTCUSDT", "LONG", "--wait", "10")
        gates = {refusal["gate"] for refusal in told["result"]["refusals"]}
        assert ("kill_level_run" in gates) == (level == "HALT")
    assert (await shell.text("drain", "sideways"))[0] == 2


async def test_a_message_nobody_can_read_is_listed_shown_and_sent_again_once(
    shell: Shell,
) -> None:
    await shell.bus.append(TRADE_INTENT, [{b"side": b"UP", b"odd": b"\xff"}], writer="somebody")
    letters: list[dict[str, Any]] = []
    until = time.monotonic() + 10
    while not letters and time.monotonic() < until:
        code, told = await shell.json("dlq", "list")
        letters = told["letters"]
    assert list(letters[0]) == [
        "letter",
        "stream",
        "entry_id",
        "at_ms",
        "reason",
        "deliveries",
        "original",
        "origin",
        "state",
        "times",
        "redriven_at",
        "handled_by",
        "handled_why",
        "handled_ms",
    ]
    name = letters[0]["letter"]
    code, told = await shell.json("dlq", "show", name)
    assert list(told) == ["letter", "original"]
    assert told["original"] == {"side": "UP", "odd": "\\xff"}
    code, text = await shell.text("doctor")
    assert code == 0, "a stranger's letter is yellow, not red"
    assert "1 dead letter" in text
    code, told = await shell.json("dlq", "redrive", name)
    assert (code, list(told)) == (0, ["letter", "stream", "redriven"])
    code, text = await shell.text("dlq", "redrive", name)
    assert code == 1
    assert "--again insists" in text
    assert (await shell.text("dlq", "redrive", name, "--again"))[0] == 0
    entries = await shell.bus.span(TRADE_INTENT, "-", "+", 10)
    assert [entry.fields for entry in entries] == [{b"side": b"UP", b"odd": b"\xff"}] * 3
    assert (await shell.text("dlq", "list", "--stream", "trade.intent"))[0] == 2
    assert name in (await shell.text("dlq", "list"))[1]
    await shell.text("dlq", "seen", name, "--who", "ann", "--why", "theirs")
    code, text = await shell.text("dlq", "show", name)
    assert "last dealt with by" in text


async def test_letters_of_a_kind_are_counted_sent_again_and_seen_together(shell: Shell) -> None:
    odd = [{b"side": side, b"n": b"1"} for side in (b"UP", b"DOWN")]
    await shell.bus.append(TRADE_INTENT, odd, writer="somebody")

    async def groups() -> list[dict[str, Any]]:
        code, told = await shell.json("dlq", "list", "--by", "reason")
        assert code == 0
        found: list[dict[str, Any]] = told["groups"]
        return found

    async def letters(count: int) -> dict[str, Any]:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if sum(one["count"] for one in await groups()) == count:
                break
        (group,) = await groups()
        return group

    group = await letters(2)
    assert list(group) == [
        *("reason", "stream", "count", "waiting", "oldest_ms", "newest_ms", "example"),
    ]
    assert (group["stream"], group["count"], group["waiting"]) == ("trade.intent", 2, 2)
    assert "got ..., expected" in group["reason"]
    code, told = await shell.json("dlq", "redrive", "--reason", group["reason"])
    assert (code, list(told)) == (0, ["redriven", "would", "poison", "left"])
    assert (len(told["would"]), told["redriven"]) == (2, [])
    code, told = await shell.json("dlq", "redrive", "--reason", group["reason"], "--yes")
    assert (code, len(told["redriven"])) == (0, 2)
    group = await letters(4)
    assert group["waiting"] == 2, "they came back"
    code, text = await shell.text("dlq", "redrive", "--reason", group["reason"], "--yes")
    assert code == 1
    assert "0 letters were sent again" in text
    assert text.count("and came back") == 2
    assert (await shell.text("dlq", "redrive"))[0] == 2
    assert (await shell.text("dlq", "seen", "--reason", " "))[0] == 2
    assert "would be seen" in (await shell.text("dlq", "seen", "--reason", "expected"))[1]
    code, told = await shell.json("dlq", "seen", "--reason", "expected", "--yes", "--who", "ann")
    assert (code, len(told["seen"]), told["would"]) == (0, 2, [])
    assert (await letters(4))["waiting"] == 0
    assert (await shell.json("doctor"))[1]["findings"] == []
    code, told = await shell.json("intent", "BTCUSDT", "LONG", "--wait", "10")
    assert told["result"]["type"] == "intent.refused", "the trader takes the record as it comes"


async def test_a_backlog_is_passed_over_on_record_by_a_group_of_anybodys(shell: Shell) -> None:
    client = shell.bus._client
    key = "quantum:stream:market.tick"
    await client.xgroup_create(key, "mine", "0")
    await shell.bus.append(key, [{b"a": b"b"}] * 3, writer="feed")
    what = ["drain", "backlog", "market.tick", "--group", "mine", "--to", "newest"]
    by = ["--who", "ann", "--why", "old prices"]
    code, text = await shell.text(*what, *by)
    assert code == 0
    assert "mine would pass over 3 entries of market.tick" in text
    assert "No service of ours reads by this group" in text
    code, told = await shell.json(*what, *by, "--yes")
    assert (code, told["state"], told["count"]) == (0, "passed", 3)
    assert list(told) == [
        *("stream", "group", "state", "count", "first", "last", "first_ms", "last_ms", "means"),
    ]
    (group,) = [one for one in await client.xinfo_groups(key) if one["name"] == b"mine"]
    assert group["last-delivered-id"].decode() == told["last"]
    assert "has nothing to pass over" in (await shell.text(*what, *by, "--yes"))[1]
    operator = await shell.bus.last(OPERATOR_STREAM, 1)
    assert b"backlog.skipped" in (operator[0].fields or {})[b"type"]
    code, text = await shell.text(
        *what[:2], "execution.result", "--group", "trader", *what[5:], *by
    )
    assert code == 2
    assert "cannot pass over" in text


async def test_a_server_that_was_emptied_is_red(shell: Shell) -> None:
    await shell.bus._client.flushall()
    code, told = await shell.json("doctor")
    assert code == 1
    assert any("no consumer group" in finding["what"] for finding in told["findings"])


def test_the_help_is_there_at_once() -> None:
    bare, shown = [], []
    for _ in range(5):
        bare.append(took_s(sys.executable, "-c", "import typer"))
        shown.append(took_s(str(QUANTUM), "--help"))
    # Half a second where the library alone takes an eighth of one.
    assert min(shown) < 4 * min(bare)


def took_s(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return time.perf_counter() - began
