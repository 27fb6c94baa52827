"""Modes testnet and live as whole processes, at a venue on this machine that stands in."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis

from quantum_trader.adapters.arming import ARMED_FILE
from quantum_trader.core.secret import Secret
from tests.integration.test_arm import GOOD, office
from tests.running import end_guardian, wait_for_guardian
from tests.venues import RunningVenue, running_venue

SYMBOL = "BTCUSDT"
REST = "[limits]\ncooldown_open_ms = 0\ncooldown_close_ms = 0\n"
CAPS = "[caps]\norder_usd_max = 3000\ngross_usd_max = 5000\nloss_usd_max = 500\n"
STAND_IN = """
import sys
from quantum_trader.adapters.exchanges.binance import hosts
from quantum_trader.app import guardian_child
from quantum_trader.app.cli import arm, main
rest, streams, arm.RIGHTS_HOST = sys.argv[1:4]
guardian_child.PROGRAM = sys.orig_argv[:6]
hosts.LIVE = hosts.DEMO = hosts.Hosts(rest, streams)
sys.exit(main(sys.argv[4:]))
"""
"""Runs a command as ever, with other hosts behind the names of the modes."""


class Desk:
    """A mode, its settings and keys, and the hosts that stand in."""

    def __init__(self, folder: Path, mode: str, venue: RunningVenue, rights: str) -> None:
        self.home = folder / mode
        self.settings = folder / f"{mode}.toml"
        keys = folder / "keys"
        keys.write_text(f"{venue.key}\n{venue.secret}\n")
        keys.chmod(0o600)
        self.settings.write_text(
            f'mode = "{mode}"\nsymbols = ["{SYMBOL}"]\nkey_file = "{keys}"\n'
            f'data_dir = "{self.home}"\ncompared_venues = []\n{CAPS}{REST}'
        )
        self.words = [sys.executable, "-c", STAND_IN, venue.url, venue.ws_url, rights]

    def type(self, *words: str) -> tuple[int, dict[str, Any]]:
        """A command to its end: exit code and JSON."""
        done = subprocess.run(
            [*self.words, *words, "--json"], capture_output=True, text=True, check=False, timeout=90
        )
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return done.returncode, found

    def post(self, ready: dict[str, Any], name: str) -> dict[str, Any]:
        """Order something over HTTP."""
        token = Path(ready["control_token_file"]).read_text().strip()
        answer = httpx2.post(
            f"{ready['control_url']}/{name}",
            json={"who": "a program", "why": "a test"},
            headers={"authorization": f"Bearer {token}"},
            timeout=30,
        )
        found: dict[str, Any] = answer.json()
        return found

    def intend(self, side: str, usd: int = 600) -> dict[str, Any]:
        """Propose something and wait for the answer."""
        asked = ("intent", SYMBOL, side, "--wait", "30", "--data-dir", str(self.home))
        size = () if side == "FLAT" else ("--notional", str(usd))
        _, told = self.type(*asked, *size)
        assert "result" in told, told
        result: dict[str, Any] = told["result"]
        return result

    def in_the_end(self, side: str) -> dict[str, Any]:
        """Propose something until no gate is in the way any more."""
        answer: dict[str, Any] = {}
        for _ in range(30):
            answer = self.intend(side)
            if "refusals" not in answer:
                return answer
            time.sleep(0.5)
        pytest.fail(f"still refused: {answer}")

    @contextmanager
    def started(self, *words: str) -> Iterator[dict[str, Any]]:
        """A command that runs until it is told to stop; its first line."""
        process = subprocess.Popen(
            [*self.words, *words, "--json", "--config", str(self.settings)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("QT_")},
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            yield json.loads(line)
        finally:
            ended = process.poll()
            process.terminate()
            _, log = process.communicate(timeout=30)
            assert ended is None, log


def status(answer: dict[str, Any]) -> Any:
    """How an intent was answered: its status, or the reasons of a refusal."""
    return answer.get("status") or answer["refusals"]


@pytest.mark.slow
async def test_the_demo_environment_is_traded_within_caps_and_needs_no_arming(
    tmp_path: Path,
) -> None:
    async with running_venue("--symbols", SYMBOL) as venue:
        desk = Desk(tmp_path, "testnet", venue, "http://127.0.0.1:9")
        await asyncio.to_thread(_trade_on_demo, desk)
        trades = await venue.done("GET", "/fapi/v1/userTrades", symbol=SYMBOL)
        assert trades
        orders = await venue.done("GET", "/fapi/v1/allOrders", symbol=SYMBOL)
        entries = [one["clientOrderId"] for one in orders if not one["reduceOnly"]]
        assert entries
        assert all(name.startswith("qt1E") for name in entries)


def _learned_on_paper() -> dict[Any, Any]:
    """An intent as it is written for paper, and good there."""
    now_ms = time.time_ns() // 1_000_000
    asked = {"symbol": SYMBOL, "side": "SHORT", "timestamp": now_ms, "notional_usd": 600}
    return {**asked, "signal_id": "learned-on-paper", "trace_id": "learned-on-paper"}


def _trade_on_demo(desk: Desk) -> None:
    with desk.started("run", "--port", "0") as ready:
        assert (ready["account"], ready["market"]) == ("testnet", "testnet")
        assert "no real money" in ready["note"]
        with redis.Redis.from_url(Path(ready["redis_url_file"]).read_text().strip()) as client:
            client.xadd("quantum:stream:trade.intent", _learned_on_paper())
            assert status(desk.intend("LONG")) == "opened"
            desk.intend("FLAT")
            assert desk.post(ready, "halt")["in_force"], "an order over HTTP is heard here too"
            _, told = desk.type("doctor", "--data-dir", str(desk.home))
            assert "stream.astray" in [one["name"] for one in told["findings"]]
            assert client.delete("quantum:stream:trade.intent") == 1
            held = sorted(key.decode() for key in client.scan_iter())
            named = [key for key in held if key.startswith("quantum:testnet:")]
            assert [key for key in held if key not in named] == ["quantum:owner"]
            assert {key.split(":")[2] for key in named} >= {"stream", "inbox", "state", "lease"}
            answers = client.xrange("quantum:testnet:stream:apply.result")
            assert answers
            assert "learned-on-paper" not in str(answers), "nobody reads what paper is told"
    end_guardian(desk.home)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_real_money_moves_after_two_deliberate_steps_and_not_before(tmp_path: Path) -> None:
    async with running_venue("--symbols", SYMBOL) as venue:
        key, secret = Secret(venue.key), Secret(venue.secret)
        with office(json.dumps(GOOD).encode(), key, secret) as rights:
            desk = Desk(tmp_path, "live", venue, rights)
            await asyncio.to_thread(_trade_live, desk)
        orders = await venue.done("GET", "/fapi/v1/allOrders", symbol=SYMBOL)
        entries = [one["clientOrderId"] for one in orders if not one["reduceOnly"]]
        assert len(entries) == 1, "the one that was armed for"
        assert entries[0].startswith("ql1E")


def _trade_live(desk: Desk) -> None:
    with desk.started("run", "--port", "0") as ready:
        wait_for_guardian(desk.home)
        assert ready["guardian_pid"] is not None
        assert "REAL MONEY" in ready["note"]
        with redis.Redis.from_url(Path(ready["redis_url_file"]).read_text().strip()) as client:
            assert client.config_get("appendfsync") == {"appendfsync": "always"}
        refused = desk.intend("LONG")
        assert status(refused) == "failed"
        assert "not armed" in refused["reason"]
        where = ("--config", str(desk.settings))
        code, told = desk.type("arm", *where, "--confirm", "no")
        assert (code, told["against"]) == (1, [f"the words were not typed: {told['words']}"])
        code, told = desk.type("arm", *where, "--confirm", told["words"], "--for", "1")
        assert (code, told["armed"]) == (0, True), told
        assert status(desk.intend("LONG")) == "opened"
        code, told = desk.type("disarm", "--data-dir", str(desk.home), "--why", "enough")
        assert (code, told["in_force"], told["problem"]) == (0, True, None)
        assert not (desk.home / ARMED_FILE).exists()
        beat = wait_for_guardian(desk.home, "HALT")
        assert (beat.held, beat.bare) == ((SYMBOL,), ()), "it guards on"
        assert status(desk.intend("FLAT")) in ("closing", "closed"), "exits need no leave"
        assert desk.type("resume", "--data-dir", str(desk.home), "--yes")[0] == 0
        assert "not armed" in desk.in_the_end("SHORT")["reason"]
    end_guardian(desk.home)
