"""``ports.Exchange`` for Binance USD-M: one account, live, on the demo environment or on paper."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TypeVar

import msgspec
import structlog

from quantum_trader.adapters.exchanges.binance.history import History
from quantum_trader.adapters.exchanges.binance.hosts import Hosts
from quantum_trader.adapters.exchanges.binance.identity import Identity
from quantum_trader.adapters.exchanges.binance.orders import Orders
from quantum_trader.adapters.exchanges.binance.probe import may_stop_before_entry
from quantum_trader.adapters.exchanges.binance.report_log import ReportLog, seq_at, time_of
from quantum_trader.adapters.exchanges.binance.rest import Rest
from quantum_trader.adapters.exchanges.binance.standing import Standing
from quantum_trader.adapters.exchanges.binance.stream import UserStream
from quantum_trader.adapters.exchanges.binance.teller import Teller
from quantum_trader.core.errors import InDoubt, Malformed, Unreachable
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.secret import Secret
from quantum_trader.core.venue import (
    Accepted,
    AnyVenueUpdate,
    Capabilities,
    Placement,
    Rejected,
    VenueAccount,
    VenueFill,
    VenueOrder,
)

CONDITIONAL_MAX = 200
"""Open conditional orders of an account, over all its symbols. The venue publishes no filter."""
CALL_S = 10.0
"""No call lasts longer, however many requests it takes: whoever waits is missed after 15 s."""
FIRST_WORD_S = 10.0
"""How long the first reader waits for the past; later ones are shown what is known."""
CLOCK_S = 30.0
"""How often the venue's clock is measured; what failed or is in doubt is repeated sooner."""
CLOCK_AGAIN_S = 5.0
END_S = 0.5
ORDINARY = frozenset({"quiet", "repeated", "funding", "margin calls", "connections lost"})
"""What is counted on any day; connections end once a day by themselves."""

_log = structlog.get_logger()

T = TypeVar("T")


class BinanceExchange:
    """Call ``open`` first, and ``close`` at the end. ``now_ms`` is the clock of this machine.

    Every order goes through one request that is never repeated here. Reports come from the user
    stream, which begins with the first reader; their numbers hold the venue's time.
    """

    def __init__(
        self,
        hosts: Hosts,
        key: Secret,
        secret: Secret,
        symbols: Iterable[str],
        now_ms: Callable[[], int],
    ) -> None:
        self._rest = Rest(hosts, key, secret, now_ms)
        identity = Identity()
        self._history = History(self._rest, identity, symbols)
        self._log = ReportLog(self._rest.clock.there_ms)
        self._orders = Orders(self._rest, identity)
        self._standing = Standing(self._rest, self._history, identity)
        teller = Teller(identity, self._history)
        self._stream = UserStream(self._rest, hosts, self._history, self._log, teller)
        self._stream.on_config = self._standing.note_config
        self._instruments: Mapping[str, Instrument] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._listening: asyncio.Task[None] | None = None
        self._opened_ms = 0
        self._floor_seq = 0

    async def open(self) -> None:
        """Measure the clock, check the account's modes, learn instruments.

        Raises ``ConfigError`` for an account this system does not trade on, and ``Unreachable``,
        ``InDoubt``, ``Locked``; then nothing was sent but questions.
        """
        await self._rest.sync_clock()
        self._instruments = await self._standing.instruments()
        await self._standing.preflight()
        self._opened_ms = await self._history.market_ms()
        self._tasks.append(asyncio.create_task(self._keep_time()))

    def fence(self, refusal: Callable[[], str | None]) -> None:
        """Send nothing that changes something while ``refusal`` gives a reason, even if signed."""
        self._rest.fence(refusal)

    def fence_entries(self, refusal: Callable[[], str | None]) -> None:
        """Send no order that may open while ``refusal`` gives a reason, even if it is signed."""
        self._rest.fence_entries(refusal)

    def asks_first(self) -> None:
        """Let the questions of this door have the share of the weight that others leave alone."""
        self._rest.asks_as = "guard"

    @property
    def opened_seq(self) -> int:
        """The number a new journal begins after: nothing of ours can have happened before it."""
        return seq_at(self._opened_ms)

    @property
    def counts(self) -> Mapping[str, int]:
        """What the user stream left out or had to repair, by name, and rows nobody could read."""
        return {**self._stream.counts, **self._history.skipped}

    @property
    def oddities(self) -> Mapping[str, int]:
        """Those of the counts that no healthy venue and no ordinary day explain."""
        return {name: count for name, count in self.counts.items() if name not in ORDINARY}

    async def instruments(self) -> Mapping[str, Instrument]:
        """Filters and tiers as the venue has them now. Raises ``Unreachable`` and ``InDoubt``."""
        self._instruments = await self._sure(self._standing.instruments())
        return self._instruments

    async def mark(self, symbol: str) -> Decimal:
        """The mark price of a symbol now. Raises ``Unreachable`` and ``InDoubt``."""
        return await self._sure(self._standing.mark(symbol))

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Make leverage and isolated margin true for a symbol; None when they are."""
        return await self._sure(self._standing.configure(symbol, leverage))

    async def place(self, order: OrderRequest) -> Placement:
        """Send one order, once. Its fills come through ``updates``."""
        placed = await self._sure(self._orders.place(order))
        if isinstance(placed, Accepted) and self._listening is not None:
            self._stream.expect(("order", order.client_order_id))
        return placed

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel one order, in whichever service it lives."""
        return await self._sure(self._orders.cancel(symbol, client_order_id))

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """What became of an order; None when neither service knows it (yet)."""
        return await self._sure(self._orders.find(symbol, client_order_id))

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """Reports after a number, in order; waits at most ``wait_ms`` for the first.

        The first reader waits until the past is known. Raises ``Unreachable`` when it cannot be had
        in time, and while the stream is down and has left nothing to show: silence then means
        nothing. Raises ``Locked`` when the key is refused.
        """
        await self._listen_from(after)
        self._check_stream()
        await self._log.wait(after, wait_ms)
        self._check_stream()
        found = self._log.after(after)
        if not found and not self._stream.is_live:
            raise Unreachable("the user stream is down; what happens now is asked for later")
        return found

    @property
    def clock_offset_ms(self) -> int | None:
        """The venue's clock less ours; None when it was not measured lately."""
        return self._rest.clock.offset_ms if self._rest.clock.is_measured else None

    async def account(self) -> VenueAccount:
        """Wallet, positions and open orders of every kind now, whoever placed them."""
        return await self._sure(self._standing.account())

    async def held(self) -> VenueAccount:
        """The account, with open orders only where something is held: often asked, and cheap."""
        return await self._standing.account(held_only=True)

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueFill]:
        """Every trade of the account in a symbol since a time, oldest first."""
        told = await self._sure(self._history.trades(symbol, since_ms))
        return [
            msgspec.structs.replace(one.update, seq=seq_at(one.update.at_ms))
            for one in told
            if isinstance(one.update, VenueFill)
        ]

    async def capabilities(self) -> Capabilities:
        """What this account is allowed. A stop is placed and canceled to find out, where flat."""
        rests = await self._sure(
            may_stop_before_entry(self._orders, self._standing, self._instruments)
        )
        return Capabilities(stop_before_entry=rests, conditional_orders_max=CONDITIONAL_MAX)

    async def close(self) -> None:
        """Let go of connections. Orders at the venue stay."""
        tasks = [*self._tasks, *([self._listening] if self._listening else [])]
        await asyncio.gather(*map(_end, tasks))
        await self._rest.close()

    async def _listen_from(self, after: int) -> None:
        if self._listening is None:
            self._log.begin_after(after)
            if after == self.opened_seq:
                # A new journal begins here: the look back brings what is not its to book.
                self._log.leave_out_before(self._opened_ms)
            self._floor_seq = after
            since_ms = time_of(after) if after else self._opened_ms
            self._listening = asyncio.create_task(self._stream.run(since_ms))
        if not self._stream.caught_up.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_WORD_S):
                    await self._first_word()
            if not self._stream.caught_up.is_set():
                raise Unreachable(f"the user stream has not come up within {FIRST_WORD_S:g} s")
        if 0 < after < self._floor_seq:
            await self._stream.catch_up(time_of(after))
            self._floor_seq = after

    async def _first_word(self) -> None:
        """Wait for the past, or for the end of the stream's task, which never ends well."""
        word = asyncio.create_task(self._stream.caught_up.wait())
        try:
            assert self._listening is not None
            await asyncio.wait({word, self._listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            word.cancel()

    def _check_stream(self) -> None:
        if self._stream.failure is not None:
            raise self._stream.failure
        if self._listening is not None and self._listening.done():
            self._listening.result()

    async def _keep_time(self) -> None:
        """Measure the venue's clock for ever; without that no entry leaves after two minutes."""
        while True:
            await asyncio.sleep(CLOCK_S if self._rest.clock.is_sure else CLOCK_AGAIN_S)
            try:
                await self._rest.sync_clock()
            except (Unreachable, InDoubt) as error:
                _log.warning("the venue's clock could not be measured", reason=str(error))

    async def _sure(self, answer: Awaitable[T]) -> T:
        """An answer in time whose numbers make sense; of any other, nothing is concluded."""
        try:
            async with asyncio.timeout(CALL_S):
                return await answer
        except Malformed as error:
            raise InDoubt(f"the venue's answer makes no sense: {error}") from None
        except TimeoutError:
            raise InDoubt(f"the venue did not answer within {CALL_S:g} s") from None


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended: a group of tasks that is just failing swallows one."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=END_S)
    if not task.cancelled():
        task.exception()  # Whoever asked for updates was told; now it counts as seen.
