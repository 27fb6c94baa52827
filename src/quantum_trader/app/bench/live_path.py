"""The two services that an intent meets, trader and gateway, on a real stream server.

The journal is a file that is synced before every order, and the orders end at the paper exchange
with its own file.
"""

import asyncio
import gc
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import msgspec

from quantum_trader.adapters.bus.connection import connect
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.adapters.exchanges.paper_store import PaperStore
from quantum_trader.adapters.journal.sqlite import SqliteJournal
from quantum_trader.app.bench.crowd import NOW_MS, first_bars
from quantum_trader.app.bench.ending import ANSWER_WITHIN_S, end, raise_failure
from quantum_trader.app.rig import matching_rules
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events import IntentApplied, IntentProposed, RulesAdopted, decode
from quantum_trader.core.intent_edge import write_intent
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.rules import Rules
from quantum_trader.core.state import TraderState
from quantum_trader.core.trader import step
from quantum_trader.services import wire
from quantum_trader.services.batch import Handler
from quantum_trader.services.fold import Fold
from quantum_trader.services.gateway import Gateway
from quantum_trader.services.gateway_loops import GatewayService
from quantum_trader.services.loop import Consumer
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.streams import (
    APPLY_RESULT,
    FEED,
    GATEWAY,
    MARKET_KLINES,
    OPERATOR,
    OPERATOR_STREAM,
    TRADE_INTENT,
    TRADER,
    read_by,
)

BATCH = 128


class LivePath:
    """Enter it, propose, and read the results; leaving it ends the services."""

    def __init__(
        self,
        url: str,
        folder: Path,
        rules: Rules,
        *,
        snapshot_every: int = 10_000,
        venue: type[PaperExchange] = PaperExchange,
    ) -> None:
        self._url = url
        self._snapshots = snapshots_of(TraderState, snapshot_every)
        self._rules = rules
        self._clock = SystemClock()
        self._settings = LoopSettings(account=rules.account)
        self._buses: list[RedisBus] = []
        self._journal = SqliteJournal(folder / "journal.sqlite", rules.account)
        self.venue = venue(_venue_rules(rules), PaperStore(folder / "venue.sqlite"))
        self._results: Any = connect(url, answer_timeout_s=None)
        self._results_after = b"0-0"
        self._tasks: list[asyncio.Task[object]] = []
        self.desk = self._bus("desk")

    def _bus(self, name: str) -> RedisBus:
        self._buses.append(RedisBus(self._url, consumer=name))
        return self._buses[-1]

    def _consumer(self, service: str, handler: Handler) -> Consumer:
        bus, streams = self._bus(service), read_by(service)
        return Consumer(bus, service, streams, handler, self._settings, clock=self._clock)

    async def start(self) -> tuple[Consumer, GatewayService]:
        """Let both services become what they were; nothing is read yet."""
        account = self._rules.account
        reader = wire.Reader(account)
        trader = self._consumer(TRADER, Fold(step, TraderState, self._snapshots, reader))
        gateway = GatewayService(
            self._bus(GATEWAY),
            Gateway(self.venue, self._journal, account, self._clock, lambda: NOW_MS),
            self._settings,
            self._clock,
        )
        for service in (trader, gateway):
            await service.start()
        return trader, gateway

    async def __aenter__(self) -> "LivePath":
        trader, gateway = await self.start()
        await self._begin()
        while await trader.poll_once():
            pass
        gc.freeze()  # As a run does once it has started.
        self._tasks = [asyncio.create_task(one.run()) for one in (trader, gateway)]
        return self

    async def _begin(self) -> None:
        """Rules and one bar for every instrument."""
        adopted = RulesAdopted(
            id="rules", at_ms=NOW_MS, trace_id="", account=self._rules.account, rules=self._rules
        )
        await self.desk.append(OPERATOR_STREAM, [wire.write(adopted)], writer=OPERATOR)
        bars = first_bars(list(self._rules.instruments))
        for bar in bars:
            await self.venue.advance(bar)
        await self.desk.append(MARKET_KLINES, [wire.write(bar) for bar in bars], writer=FEED)

    async def propose(self, intents: Sequence[IntentProposed]) -> None:
        """Put intents on their stream, as anybody outside would."""
        fields = [write_intent(each) for each in intents]
        await self.desk.append(TRADE_INTENT, fields, writer="bench")

    def check(self) -> None:
        """Raise what ended a service, if one has ended."""
        raise_failure(self._tasks)

    async def results(self) -> list[str]:
        """The symbols of the next results. Raises ``BrokenInvariant`` unless all were opened."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            answer: Any = []
            while not answer:
                raise_failure(self._tasks)
                answer = await self._results.xread({APPLY_RESULT: self._results_after}, BATCH, 500)
        rows = answer[0][1]
        self._results_after = rows[-1][0]
        return [_opened(fields) for _, fields in rows]

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        await end(self._tasks)
        gc.unfreeze()
        await self.close()
        return False

    async def close(self) -> None:
        """Let go of files and connections."""
        await self._results.aclose()
        for bus in self._buses:
            await bus.close()
        await self.venue.close()
        self._journal.close()


def _venue_rules(rules: Rules) -> MatchingRules:
    """A venue that bears all the stops of so many positions; a real one allows 200."""
    matching = matching_rules(rules)
    return msgspec.structs.replace(matching, conditional_orders_max=rules.limits.stops_max)


def _opened(fields: dict[bytes, bytes]) -> str:
    result = decode(fields[b"payload"])
    if not isinstance(result, IntentApplied) or result.status != "opened":
        raise BrokenInvariant(f"an intent of a benchmark was not opened: {result}")
    return result.symbol
