"""The user stream: what the venue says by itself, without a hole, whatever happens to the line.

A connection shows nothing before the past was asked for by REST. While it stands, three things
say that it may have missed something: an order that was placed or a trade that was announced and
is not heard of, an event that cannot be read, and time. Then the past is asked for again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable
from typing import NoReturn

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from quantum_trader.adapters.exchanges.binance import answers, endpoints
from quantum_trader.adapters.exchanges.binance.events import (
    ConfigEvent,
    Event,
    KeyExpiredEvent,
    LiteEvent,
    read_event,
)
from quantum_trader.adapters.exchanges.binance.history import History
from quantum_trader.adapters.exchanges.binance.hosts import Hosts
from quantum_trader.adapters.exchanges.binance.report_log import ReportLog
from quantum_trader.adapters.exchanges.binance.reports import Unfamiliar
from quantum_trader.adapters.exchanges.binance.rest import Refused, Rest, read
from quantum_trader.adapters.exchanges.binance.teller import FundingDue, Teller
from quantum_trader.adapters.market.backoff import Backoff
from quantum_trader.core.errors import ExchangeError, InDoubt, Locked, Malformed, Unreachable

OVERLAP_MS = 300_000
"""The past is asked for from so long before the last certain moment; what is known is dropped."""
KEEP_ALIVE_S = 1_800.0
KEEP_ALIVE_AGAIN_S = 60.0
KEEP_ALIVE_TRIES = 3
ROTATE_S = 23 * 3_600.0
"""The venue ends a connection after a day; it is made anew before that, at a time of ours."""
SWEEP_S = 300.0
ECHO_S = 5.0
"""So soon after its answer an order has to be heard of, and a trade after its announcement."""
PATROL_S = 0.5
CONNECT_S = 10.0
PING_S = 20.0
MESSAGE_BYTES_MAX = 1 << 20
QUEUE_MAX = 10_000

_LOST = (OSError, WebSocketException)
_log = structlog.get_logger()


class StreamLost(OSError):
    """A connection that can not be trusted any more; it is made anew."""


class UserStream:
    """The user stream of one account. ``counts`` says what was left out or went wrong, by name.

    ``is_live`` says that a connection stands, and that the past before it is known.
    """

    def __init__(
        self, rest: Rest, hosts: Hosts, history: History, log: ReportLog, teller: Teller
    ) -> None:
        self._rest = rest
        self._url = f"{hosts.streams}/private/ws?listenKey="
        self._history = history
        self._log = log
        self._teller = teller
        self._backoff = Backoff()
        self._expected: dict[Hashable, float] = {}
        self._asking = asyncio.Lock()
        self._since_ms = 0
        self._queue: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.counts: Counter[str] = Counter()
        self.caught_up = asyncio.Event()
        self.failure: Locked | None = None
        self.is_live = False
        self.on_config: Callable[[ConfigEvent | None], None] = _nothing

    def expect(self, key: Hashable) -> None:
        """Something happened at the venue that this stream has to tell of soon."""
        self._expected[key] = asyncio.get_running_loop().time() + ECHO_S

    async def run(self, since_ms: int) -> None:
        """Listen for ever, from a time on. Ends when the key is refused (``failure``)."""
        self._since_ms = since_ms
        while True:
            try:
                await self._connection()
            except Locked as error:
                self.failure = error
                self._log.wake()
                self.caught_up.set()
                return
            except (ExchangeError, *_LOST) as error:
                self.counts["connections lost"] += 1
                _log.warning("user stream lost; connecting again", reason=str(error))
            finally:
                self.is_live = False
            self.on_config(None)
            await self._backoff.pause()

    async def catch_up(self, since_ms: int) -> int:
        """Ask for the past and show what is new in it; how many should have been heard by now.

        Raises like ``Rest.ask``.
        """
        async with self._asking:
            begin_ms = await self._history.market_ms()
            told = await self._history.since(since_ms - OVERLAP_MS)
            due_ms = begin_ms - int(ECHO_S * 1_000)
            late = [
                one for one in told if one.update.at_ms < due_ms and not self._log.knows(one.key)
            ]
            self._log.add(told)
            self._since_ms = max(self._since_ms, begin_ms)
        return len(late)

    async def _connection(self) -> None:
        answer = await self._rest.call(endpoints.LISTEN_KEY)
        if isinstance(answer, Refused):
            raise StreamLost(f"no key for the user stream: {answer.reason}")
        key = read(answers.LISTEN_KEY, answer, "the stream's key").listen_key
        self._queue = asyncio.Queue(QUEUE_MAX)
        self._expected.clear()
        try:
            async with (
                connect(
                    self._url + key,
                    open_timeout=CONNECT_S,
                    ping_interval=PING_S,
                    ping_timeout=PING_S,
                    max_size=MESSAGE_BYTES_MAX,
                ) as socket,
                asyncio.TaskGroup() as group,
            ):
                group.create_task(self._receive(socket))
                group.create_task(self._work(group))
                group.create_task(self._keep_alive())
                group.create_task(self._patrol())
        except ExceptionGroup as failed:
            raise _first(failed) from None

    async def _receive(self, socket: ClientConnection) -> NoReturn:
        async for text in socket:
            await self._queue.put(text)
        raise StreamLost("the venue closed the connection")

    async def _work(self, group: asyncio.TaskGroup) -> NoReturn:
        """The past first, then what is said, one after the other."""
        await self.catch_up(self._since_ms)
        self.is_live = True
        self.caught_up.set()
        self._backoff.reset()
        while True:
            text = await self._queue.get()
            if text is None or not await self._heard(text, group):
                await self._look_back()

    async def _look_back(self) -> None:
        """The past again; if it holds what was not said, this connection is not to be trusted."""
        self._expected.clear()
        if await self.catch_up(self._since_ms):
            self.counts["missed"] += 1
            raise StreamLost("the venue had not said everything")

    async def _heard(self, text: str | bytes, group: asyncio.TaskGroup) -> bool:
        """Take in one message; False when the past must be asked for instead."""
        try:
            event = read_event(text)
            await self._take(event, group)
        except Malformed as error:
            self.counts["unreadable"] += 1
            _log.warning("a message of the user stream cannot be read", reason=str(error))
            return False
        except Unfamiliar as error:
            self.counts["unfamiliar"] += 1
            _log.warning("the venue says something new about an order", reason=str(error))
            return False
        return True

    async def _take(self, event: Event, group: asyncio.TaskGroup) -> None:
        match event:
            case ConfigEvent():
                self.on_config(event)
            case KeyExpiredEvent():
                raise StreamLost("the key of the stream has expired")
            case LiteEvent() if not self._log.knows(("trade", event.s, event.t)):
                self.expect(("trade", event.s, event.t))
            case _:
                taken = await self._teller.take(event)
                self._log.add(taken.told)
                self.counts.update(taken.counts)
                for key in taken.heard:
                    self._expected.pop(key, None)
                if taken.funding is not None:
                    group.create_task(self._fund(taken.funding))

    async def _fund(self, due: FundingDue) -> None:
        """Book a settlement from the income, once that is there."""
        if not await self._teller.fund(due, self._log):
            self.counts["funding not in the income"] += 1

    async def _keep_alive(self) -> NoReturn:
        """Keep the stream's key alive, and let no connection get a day old."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + ROTATE_S
        failures, pause_s = 0, KEEP_ALIVE_S
        while loop.time() < end_s:
            await asyncio.sleep(min(pause_s, end_s - loop.time()))
            try:
                answer = await self._rest.call(endpoints.KEEP_LISTEN_KEY)
                if isinstance(answer, Refused):
                    raise StreamLost(f"the key of the stream is gone: {answer.reason}")
                failures, pause_s = 0, KEEP_ALIVE_S
            except (Unreachable, InDoubt) as error:
                failures, pause_s = failures + 1, KEEP_ALIVE_AGAIN_S
                if failures >= KEEP_ALIVE_TRIES:
                    raise StreamLost(f"the stream's key could not be kept: {error}") from None
        raise StreamLost("a day has passed; the connection is made anew")

    async def _patrol(self) -> NoReturn:
        """Look back when something expected was not heard of, and now and then anyway."""
        loop = asyncio.get_running_loop()
        swept_s = loop.time()
        while True:
            await asyncio.sleep(PATROL_S)
            now_s = loop.time()
            late = [key for key, at_s in self._expected.items() if at_s < now_s]
            if late:
                self.counts["not heard of in time"] += len(late)
                self._expected.clear()
            if late or now_s - swept_s > SWEEP_S:
                swept_s = now_s
                await self._queue.put(None)


def _first(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure that ended a connection: a refused key before anything else."""
    leaves = [
        leaf
        for each in failed.exceptions
        for leaf in ([_first(each)] if isinstance(each, BaseExceptionGroup) else [each])
    ]
    return next((each for each in leaves if isinstance(each, Locked)), leaves[0])


def _nothing(event: ConfigEvent | None) -> None:
    """Nobody wants to know."""
