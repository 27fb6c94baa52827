"""A whole system that trades at the venue of a case, so that faults end in a state of orders.

The trader, the gateway, the feed and the clock are those of a run, wired by ``app/wiring.py``; only
the streams and the journal are memory, so that many of them fit into one process.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock, SystemClock
from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.adapters.exchanges.binance.report_log import time_of
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.adapters.market.market_clock import TimedMarket
from quantum_trader.app.abroad import begin_after
from quantum_trader.app.parts import Parts
from quantum_trader.app.wiring import System
from quantum_trader.core.errors import Locked
from quantum_trader.core.events import Fact, OrderFilled
from quantum_trader.core.intent_edge import write_intent
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.rules import ExitRules, Fees, Rules
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import ZERO
from quantum_trader.services import wire
from quantum_trader.streams import APPLY_RESULT, TRADE_INTENT
from tests.conformance.desk import OPEN_TRIES, Desk, opened
from tests.conformance.prices import Prices
from tests.support import an_intent

ACCOUNT = "conformance"
WITHIN_S = 60.0
OFFSET_MS = 150
LIMITS = RiskLimits(cooldown_open_ms=0, cooldown_close_ms=0, mark_age_ms_max=60_000)
EXITS = ExitRules(protect_within_ms=20_000, retry_after_ms=300)
"""Patient, because many systems share one processor here; no case waits for these times to pass."""


class Stage:
    """One running system and the desk it trades at."""

    def __init__(self, desk: Desk, parts: Parts, system: System, bus: MemoryBus) -> None:
        self.desk = desk
        self.system = system
        self.journal = parts.journal
        self._now_ms = parts.time.now_ms
        self._began_ms = self._now_ms()
        self._bus = bus
        self._tasks: list[asyncio.Task[Any]] = []

    @property
    def state(self) -> TraderState:
        """What the trader knows."""
        return self.system.trader.state

    @property
    def plan(self) -> Plan | None:
        """The plan of the case's symbol, while it lives."""
        return next(iter(self.state.plans.values()), None)

    def is_awake(self) -> bool:
        """Whether the trader has heard of the present."""
        state = self.state
        return state.mark_of(self.desk.symbol) is not None and state.now_ms > self._began_ms

    @property
    def failures(self) -> list[BaseException]:
        """What ended a service, where one has ended."""
        done = [task for task in self._tasks if task.done() and not task.cancelled()]
        return [error for task in done if (error := task.exception()) is not None]

    async def propose(self, side: str = "LONG", **changes: Any) -> None:
        """Somebody proposes something."""
        name = f"{self.desk.symbol}-{self.desk.next_number()}"
        given = {"qty": Decimal("0.02") if side != "FLAT" else None, **changes}
        intent = an_intent(
            side,
            self._now_ms(),
            id=name,
            trace_id=name,
            signal_id=name,
            account=ACCOUNT,
            symbol=self.desk.symbol,
            **given,
        )
        await self._bus.append(TRADE_INTENT, [write_intent(intent)], writer="conformance")

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait for something to become true of the system."""
        end_s = time.monotonic() + WITHIN_S
        while not holds():
            if time.monotonic() > end_s or self.failures:
                raise AssertionError(
                    f"it did not come to this: {what}; held: {self.held()}, by the stop: "
                    f"{self.covered()}; ended: {self.failures}; "
                    f"answered: {(await self.told(APPLY_RESULT))[-1:]}"
                )
            await asyncio.sleep(0.02)

    async def told(self, stream: str) -> list[Fact]:
        """Everything on a stream."""
        return [wire.read(entry) for entry in await self._bus.span(stream, "-", "+", 100_000)]

    async def opened(self) -> None:
        """Wait until a position stands, protected, with its targets out."""
        await self.until(
            lambda: self.plan is not None and self.plan.protected and self.plan.targets_sent,
            "a position with its stop and its targets",
        )

    async def enter(self) -> None:
        """Open one."""
        await self.propose()
        await self.opened()

    def held(self) -> Decimal:
        """What the books say is held."""
        position = self.state.positions.get(self.desk.symbol)
        return ZERO if position is None else position.qty

    def covered(self) -> Decimal:
        """What the confirmed stop covers."""
        stop = None if self.plan is None else self.plan.stop
        return ZERO if stop is None else stop.qty

    async def answered(self, times: int = 1) -> None:
        """Wait until so many intents were refused, skipped or applied."""
        end_s = time.monotonic() + WITHIN_S
        while len(await self.told(APPLY_RESULT)) < times:
            assert time.monotonic() < end_s, "nobody answered the intent"
            await asyncio.sleep(0.02)

    async def traded(self, times: int) -> None:
        """Wait until the venue has traded so often for this account."""
        end_s = time.monotonic() + WITHIN_S
        while len(await self._traded()) < times:
            assert time.monotonic() < end_s, "nothing traded"
            await asyncio.sleep(0.2)

    async def is_locked(self) -> None:
        """Wait until the gateway has ended because its key was refused."""
        end_s = time.monotonic() + WITHIN_S
        while not any(isinstance(error, Locked) for error in self.failures):
            assert time.monotonic() < end_s, "the gateway goes on"
            await asyncio.sleep(0.02)

    async def ended(self) -> None:
        """Wait until no plan is left and nothing is in doubt."""
        await self.until(lambda: not self.state.plans, "no plan is left")
        await self.until(lambda: not self.journal.unresolved(), "nothing is in doubt")

    async def is_protected(self, qty: str = "0.02") -> None:
        """Never naked, never twice: the venue has this position once, and stops for all of it."""
        await self.until(lambda: not self.journal.unresolved(), "nothing is in doubt")
        held = await self.desk.position()
        assert held == Decimal(qty), f"the venue holds {held}"
        await self._settled()
        booked = self.state.positions[self.desk.symbol].qty
        assert booked == held, f"the books hold {booked}, the venue {held}"
        stops = await self._stops()
        assert len(stops) == 1, f"{len(stops)} stops rest"
        assert Decimal(stops[0]["quantity"]) == held, "the stop covers something else"
        assert self.plan is not None
        assert self.plan.stop is not None
        assert self.plan.stop.client_order_id == stops[0]["clientAlgoId"]
        await self.is_once()

    async def is_flat(self) -> None:
        """Nothing is held or rests, here and there."""
        await self.ended()
        assert await self.desk.position() == 0
        assert await self._stops() == []
        symbol = self.desk.symbol
        assert await self.desk.done("GET", "/fapi/v1/openOrders", symbol=symbol) == []
        position = self.state.positions.get(symbol)
        assert position is None or position.qty == 0
        await self.is_once()

    async def is_once(self) -> None:
        """Every name was used once at most, and every trade there is was booked once."""
        symbol = self.desk.symbol
        orders = await self.desk.done("GET", "/fapi/v1/allOrders", symbol=symbol)
        algos = await self.desk.done("GET", "/fapi/v1/allAlgoOrders", symbol=symbol)
        parents = {algo["clientAlgoId"] for algo in algos}
        names = [one["clientOrderId"] for one in orders if one["clientOrderId"] not in parents]
        assert len(names) == len(set(names)), f"an order was sent twice: {sorted(names)}"
        assert len(algos) == len(parents), "a conditional order was sent twice"
        end_s = time.monotonic() + WITHIN_S
        while (booked := self._booked()) != (traded := await self._traded()):
            assert time.monotonic() < end_s, f"booked {booked}, traded {traded}"
            await asyncio.sleep(0.2)

    def _booked(self) -> list[str]:
        """The trades in the journal; one that is there twice never becomes equal to the venue's."""
        facts = [fact for _, fact in self.journal.outbox(0, 100_000)]
        return sorted(fact.trade_id for fact in facts if isinstance(fact, OrderFilled))

    async def _traded(self) -> list[str]:
        path = "/fapi/v1/userTrades"
        rows = await self.desk.done("GET", path, symbol=self.desk.symbol)
        return sorted(str(row["id"]) for row in rows)

    async def _settled(self) -> None:
        """Wait until books and stops are what the plan wants them to be."""
        await self.until(
            lambda: self.plan is not None and not self.plan.next_stops and not self.plan.retiring,
            "no order is on its way",
        )

    async def _stops(self) -> list[dict[str, Any]]:
        rows = await self.desk.done("GET", "/fapi/v1/openAlgoOrders", symbol=self.desk.symbol)
        return [row for row in rows if row["orderType"] == "STOP_MARKET"]

    def begin(self) -> None:
        """Let every service run."""
        self._tasks = [
            asyncio.create_task(_run(start), name=name)
            for name, start in self.system.services().items()
        ]

    async def end(self) -> None:
        """Stop everything."""
        for _ in range(5):
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=1)
            if all(task.done() for task in self._tasks):
                break
        await self.system.close()


async def _run(start: Callable[[], Coroutine[object, object, object]]) -> None:
    await start()


@asynccontextmanager
async def on_stage(desk: Desk, exits: ExitRules = EXITS) -> AsyncIterator[Stage]:
    """A system that trades the desk's symbol, ready for its first intent."""
    # One after the other: the venue's clock cannot be measured in a process that stands still.
    async with desk.one_at_a_time:
        stage = await _set(desk, exits)
    try:
        await stage.until(stage.is_awake, "a price of now")
        yield stage
    finally:
        await stage.end()


async def _set(desk: Desk, exits: ExitRules) -> Stage:
    door = await _opened(desk)
    account, known = await door.account(), await door.instruments()
    rules = Rules(
        account=ACCOUNT,
        deposit_usd=account.wallet_usd,
        limits=LIMITS,
        fees=Fees(),
        exits=exits,
        instruments={desk.symbol: known[desk.symbol]},
    )
    time_there = ManualClock(time_of(door.opened_seq))
    bus = MemoryBus(now_ms=time_there.now_ms)
    market = Prices(desk.hosts.streams, desk.symbol)
    parts = _parts(rules, bus, TimedMarket(market, time_there), door, time_there)
    begin_after(parts.journal, door)
    system = System(parts)
    stage = Stage(desk, parts, system, bus)
    await system.start(drain=False)
    stage.begin()
    return stage


async def _opened(desk: Desk) -> BinanceExchange:
    """A door that is open, made anew when this process was too busy to measure the time."""
    for _ in range(OPEN_TRIES):
        async with AsyncExitStack() as stack:
            door = desk.door()
            stack.push_async_callback(door.close)
            await opened(door)
            if abs(door.clock_offset_ms or 0) < OFFSET_MS:
                stack.pop_all()
                return door
    raise AssertionError("the door did not open")


def _parts(
    rules: Rules,
    bus: MemoryBus,
    market: TimedMarket,
    door: BinanceExchange,
    time_there: ManualClock,
) -> Parts:
    return Parts(
        rules=rules,
        models=[],
        data=market,
        venue=door,
        simulated=None,
        journal=MemoryJournal(),
        latch=FileLatch(Path("no folder, so no latch")),
        archive=None,
        bus_of=bus.beside,
        wall=SystemClock(),
        time=time_there,
        instruments=door.instruments,
        keeps_house=False,
    )
