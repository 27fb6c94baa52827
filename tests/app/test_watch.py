"""What whoever looks at a running system is shown, and what of it he is told as news."""

from decimal import Decimal

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.app.watch import PAGE, About, Watch
from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import IntentApplied, TradeClosed
from quantum_trader.ports import Entry
from tests.loops import tell
from tests.support import ACCOUNT, NOON_MS, Desk

ABOUT = About(
    mode="paper",
    market="SIMULATED",
    account=ACCOUNT,
    real=False,
    note="",
    symbols=("BTCUSDT",),
    model="none",
)


def a_trade() -> TradeClosed:
    """A trade that is over."""
    desk = Desk()
    desk.open(60_000.0)
    desk.hand("SELL", "0.050", 60_000)
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    return closed


def opened(number: int) -> IntentApplied:
    """The answer to an intent that became a position."""
    return IntentApplied(
        id=f"answer:{number}",
        at_ms=NOON_MS,
        trace_id=f"i{number}",
        account=ACCOUNT,
        plan_id=f"p{number}",
        symbol="BTCUSDT",
        side="LONG",
        status="opened",
        reason="filled and protected",
        filled_qty=Decimal("0.05"),
        entry_price=Decimal(60_000),
        stop_price=Decimal(59_000),
    )


class Dropping(MemoryBus):
    """A bus that loses its connection at a read that a test names."""

    def __init__(self) -> None:
        super().__init__()
        self.fails_at = 0

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        """As the bus has it, or no answer."""
        self.fails_at -= 1
        if self.fails_at == 0:
            raise BusUnreachable("no answer")
        return await super().span(stream, first, last, count)


def a_watch(bus: MemoryBus) -> Watch:
    return Watch(bus, ABOUT, ManualClock(NOON_MS), ManualClock(NOON_MS))


async def test_a_start_shows_old_trades_and_does_not_tell_them_as_new_ones() -> None:
    """Every restart logged all trades of the account once more, as if they had just happened."""
    bus, trade = MemoryBus(), a_trade()
    await tell(bus, opened(1), trade)
    watch = a_watch(bus)
    await watch.begin()
    assert await watch.look() == []
    assert (watch.view.opened, watch.view.closed, watch.view.trades) == (1, 1, (trade,))
    await tell(bus, opened(2))
    assert await watch.look() == [opened(2)]
    assert watch.view.opened == 2


async def test_what_happens_between_the_beginning_and_the_first_look_is_news() -> None:
    bus = MemoryBus()
    watch = a_watch(bus)
    await watch.begin()
    await tell(bus, opened(1))
    assert await watch.look() == [opened(1)]
    assert await watch.look() == []


async def test_long_histories_are_counted_to_the_end() -> None:
    bus = MemoryBus()
    await tell(bus, *(opened(number) for number in range(2 * PAGE + 1)))
    watch = a_watch(bus)
    await watch.begin()
    assert await watch.look() == []
    assert watch.view.opened == 2 * PAGE + 1


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
async def test_a_look_that_failed_in_the_middle_has_missed_nothing(fails_at: int) -> None:
    bus, trade = Dropping(), a_trade()
    watch = a_watch(bus)
    await watch.begin()
    await tell(bus, opened(1), trade)
    bus.fails_at = fails_at
    with pytest.raises(BusUnreachable):
        await watch.look()
    assert await watch.look() == [opened(1), trade]
    assert (watch.view.opened, watch.view.closed) == (1, 1)
