"""Thousands of outside intents against real processes that are killed in the middle of it.

``Storm`` starts ``quantum run``, writes intents to its stream like any stranger would, kills the
process at seeded moments and starts it again, and in the end counts what became of everything.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from quantum_trader import streams
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.exchanges.paper_store import PaperStore
from quantum_trader.adapters.journal.sqlite import audit
from quantum_trader.core import events
from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import Fact, OrderFilled, PlanMade
from quantum_trader.ports import Fields

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
NO_REST = {"QT_LIMITS__COOLDOWN_CLOSE_MS": "0", "QT_LIMITS__COOLDOWN_OPEN_MS": "0"}
"""Without cooldowns symbols are entered and left as fast as they are asked for."""
READY_WITHIN_S = 60.0
SETTLE_WITHIN_S = 120.0
AN_HOUR_MS = 3_600_000
MALFORMED: tuple[dict[str, Any], ...] = (
    {"symbol": "", "side": "BUY"},
    {"symbol": None},
    {"symbol": "BTCUSDT", "side": "UP"},
    {"symbol": "BTCUSDT", "side": "BUY", "timestamp": "yesterday"},
    {"symbol": "BTCUSDT", "side": "BUY", "leverage": 10.5},
    {"symbol": "BTCUSDT", "side": "BUY", "entry_price": "NaN"},
)


@dataclass
class Outcome:
    """What was sent, and what was found when all was quiet again."""

    sent: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    intents: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    dead: int = 0
    plans: int = 0
    entry_orders: int = 0
    fills: int = 0
    repeated_facts: int = 0
    journal_records: int = 0
    positions_agree: bool = False
    naked_at_end: int = 0


class Proposer:
    """Makes messages the way strangers do: one in five broken, one in five stale, some twice."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._sent: list[Fields] = []
        self.kinds: Counter[str] = Counter()

    def message(self, number: int) -> Fields:
        """The next message."""
        draw = self._random.random()
        if draw < 0.1 and self._sent:
            self.kinds["repeated"] += 1
            return self._random.choice(self._sent)
        fields = self._usual(number)
        if draw < 0.3:
            self.kinds["malformed"] += 1
            fields |= self._random.choice(MALFORMED)
            return {b"payload": json.dumps(fields).encode()}
        if draw < 0.5:
            self.kinds["stale"] += 1
            fields["timestamp"] -= AN_HOUR_MS
        else:
            self.kinds["fresh"] += 1
        payload: Fields = {b"payload": json.dumps(fields).encode()}
        self._sent.append(payload)
        return payload

    def _usual(self, number: int) -> dict[str, Any]:
        return {
            "symbol": self._random.choice(SYMBOLS),
            "side": self._random.choice(["BUY", "SELL", "LONG", "short", "HOLD", "FLAT"]),
            "leverage": self._random.choice([3, 5, 10]),
            "position_size_usd": 200,
            "signal_id": f"storm-{number}",
            "timestamp": int(time.time() * 1000),
            "source": "storm",
        }


class Storm:
    """One storm: ``count`` intents, ``kills`` kills, in one data folder."""

    def __init__(self, folder: Path, *, seed: int, count: int, kills: int) -> None:
        self._folder = folder
        self._random = Random(seed)
        self._proposer = Proposer(seed)
        self._count = count
        self._kills = kills
        self._process: subprocess.Popen[bytes] | None = None
        self.outcome = Outcome()

    async def rage(self) -> Outcome:
        """Send, kill, restart, wait for quiet, stop gently, count."""
        try:
            await self._start()
            batches = self._batches()
            killed_after = set(self._random.sample(range(len(batches)), self._kills))
            sent = 0
            for number, size in enumerate(batches):
                await self._send([self._proposer.message(sent + one) for one in range(size)])
                sent += size
                if number in killed_after:
                    await asyncio.sleep(self._random.uniform(0.0, 0.3))
                    self._kill()
                    await self._start()
            await self._quiet()
            await self._count_streams()
        finally:
            self._stop()
        self._count_files()
        self.outcome.sent = self._proposer.kinds
        return self.outcome

    def _batches(self) -> list[int]:
        pieces = max(self._kills * 2, 10)
        usual = self._count // pieces
        return [*([usual] * (pieces - 1)), self._count - usual * (pieces - 1)]

    async def _start(self) -> None:
        process = self._launch()
        assert process.stdout is not None
        ready = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), READY_WITHIN_S)
        assert json.loads(ready)["ready"], ready

    def _launch(self) -> subprocess.Popen[bytes]:
        options = {
            "--market": "synthetic",
            "--symbols": ",".join(SYMBOLS),
            "--data-dir": str(self._folder),
            "--port": "0",
        }
        quantum = Path(sys.executable).with_name("quantum")
        with (self._folder / "storm.log").open("ab") as log:
            self._process = subprocess.Popen(
                [quantum, "run", "--json", *(word for pair in options.items() for word in pair)],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **NO_REST},
            )
        return self._process

    def _kill(self) -> None:
        self._end(signal.SIGKILL)
        self.outcome.kills += 1

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(timeout=30)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _bus(self) -> RedisBus:
        return RedisBus((self._folder / "redis.url").read_text().strip(), consumer="storm")

    async def _send(self, messages: list[Fields]) -> None:
        bus = self._bus()
        try:
            for start in range(0, len(messages), 50):
                await bus.append(streams.TRADE_INTENT, messages[start : start + 50], writer="storm")
        except BusUnreachable:
            raise AssertionError("the server is gone although nobody killed it") from None
        finally:
            await bus.close()

    async def _quiet(self) -> None:
        """Wait until every intent has its answer and every command its outcome."""
        bus = self._bus()
        deadline = time.monotonic() + SETTLE_WITHIN_S
        try:
            counts: list[int] = []
            while time.monotonic() < deadline:
                counts = [await self._length(bus, key) for key in _ENDS]
                if counts[0] == counts[1] + counts[2]:
                    return
                await asyncio.sleep(0.5)
            raise AssertionError(f"intents, answers, dead letters: {counts}")
        finally:
            await bus.close()

    @staticmethod
    async def _length(bus: RedisBus, key: str) -> int:
        info = await bus.info(key)
        return 0 if info is None else info.length

    async def _count_streams(self) -> None:
        bus, outcome = self._bus(), self.outcome
        try:
            outcome.intents = await self._length(bus, streams.TRADE_INTENT)
            outcome.dead = await self._length(bus, streams.TRADE_INTENT_DLQ)
            for fact in await _facts(bus, streams.APPLY_RESULT):
                outcome.answers[type(fact).__name__] += 1
            plans = [one for one in await _facts(bus, streams.APPLY_PLAN) if type(one) is PlanMade]
            outcome.plans = len(plans)
            results = await _facts(bus, streams.EXECUTION_RESULT)
            outcome.repeated_facts = len(results) - len({fact.id for fact in results})
            fills = [fact for fact in results if isinstance(fact, OrderFilled)]
            outcome.fills = len(fills)
            entries = Counter(one.plan_id for one in fills if one.role == "entry" and one.done)
            outcome.entry_orders = len(entries)
            assert set(entries.values()) <= {1}, "a plan was entered twice"
            self._held: Counter[str] = Counter()
            for fill in fills:
                signed = fill.qty if fill.side == "BUY" else -fill.qty
                self._held[fill.symbol] += signed  # type: ignore[assignment]
        finally:
            await bus.close()

    def _count_files(self) -> None:
        """What the files say after the process has ended."""
        (journal,) = self._folder.glob("**/journal.sqlite")
        self.outcome.journal_records = audit(journal)
        (venue,) = self._folder.glob("**/paper-venue.sqlite")
        store = PaperStore(venue)
        saved = store.load()
        store.close()
        assert saved is not None
        markets = saved.state.markets.values()
        at_venue = {one.symbol: one.position.qty for one in markets if one.position.qty}
        booked = {symbol: qty for symbol, qty in self._held.items() if qty}
        self.outcome.positions_agree = at_venue == booked
        for market in markets:
            stops = sum(
                (one.request.qty for one in market.orders if one.request.kind == "STOP_MARKET"),
                Decimal(0),
            )
            self.outcome.naked_at_end += stops < abs(market.position.qty)


_ENDS = (streams.TRADE_INTENT, streams.APPLY_RESULT, streams.TRADE_INTENT_DLQ)


async def _facts(bus: RedisBus, key: str) -> list[Fact]:
    """Every fact of a stream, from its beginning."""
    found: list[Fact] = []
    for entry in await bus.span(key, "-", "+", 1_000_000):
        assert entry.fields is not None
        found.append(events.decode(entry.fields[b"payload"]))
    return found


def main() -> None:
    """A storm by hand: ``python -m tests.storm FOLDER SEED COUNT KILLS``."""
    folder, seed, count, kills = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    storm = Storm(Path(folder), seed=int(seed), count=int(count), kills=int(kills))
    began = time.monotonic()
    outcome = asyncio.run(storm.rage())
    told = msgspec.json.format(msgspec.json.encode(outcome), indent=2).decode()
    sys.stdout.write(f"{told}\n{time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
