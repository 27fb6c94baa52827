"""Starting again: from a snapshot or from the log, always to the same state."""

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.core.errors import Fenced, StoreError
from quantum_trader.ports import Entry, Saved
from quantum_trader.services.loop import Consumer
from quantum_trader.services.recovery import rebuild_from_log, restore
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.streams import (
    MARKET_TICK,
    TRADER,
)
from tests.loops import (
    diary_fold,
    drain_all,
    second,
    tell,
    tick,
    trader_on,
)


@pytest.mark.parametrize("snapshot_every", [1, 7, 64, 10_000])
async def test_a_snapshot_and_the_tail_make_the_same_state_as_the_whole_log(
    snapshot_every: int,
) -> None:
    bus, fold = MemoryBus(), diary_fold(snapshot_every)
    consumer = trader_on(bus, fold)
    await consumer.start()
    for n in range(100):
        await tell(bus, second(n), tick(n, f"S{n * 7 % 10}"))
        await consumer.poll_once()
    restored = await restore(bus, TRADER, diary_fold())
    rebuilt = await rebuild_from_log(bus, TRADER, diary_fold())
    assert restored.state == rebuilt.state == fold.state
    # Mappings are walked in the same order too, not only equal.
    assert list(restored.state.by_symbol) == list(fold.state.by_symbol)
    assert restored.standing == rebuilt.standing
    assert rebuilt.replayed == 200
    assert restored.replayed < 200 or snapshot_every > 200


async def test_recovery_refuses_a_log_with_a_hole_and_says_what_to_do() -> None:
    bus = MemoryBus()
    consumer = trader_on(bus)
    await consumer.start()
    await tell(bus, tick(1), tick(2), tick(3))
    await drain_all(consumer)
    await tell(bus, tick(4))
    await drain_all(consumer)
    middle = (await bus.span(MARKET_TICK, "-", "+", 9))[1].id
    bus.lose(MARKET_TICK, middle)
    with pytest.raises(StoreError, match="archive"):
        await restore(bus, TRADER, diary_fold())


class CountingBus(MemoryBus):
    """Counts the questions a recovery asks."""

    questions = 0

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        self.questions += 1
        return await super().span(stream, first, last, count)


async def test_recovery_does_not_ask_for_every_entry() -> None:
    bus = CountingBus()
    consumer = trader_on(bus)
    await consumer.start()
    for n in range(1_500):
        await tell(bus, second(n), tick(n))
        await consumer.poll_once()
    bus.questions = 0
    rebuilt = await rebuild_from_log(bus, TRADER, diary_fold())
    assert rebuilt.replayed == 3_000
    assert bus.questions < 20


async def test_restarts_before_a_snapshot_is_due_do_not_put_it_off_for_ever() -> None:
    bus = MemoryBus()
    for n in range(4):
        consumer = trader_on(bus, diary_fold(snapshot_every=10))
        await consumer.start()
        await tell(bus, tick(3 * n), tick(3 * n + 1), tick(3 * n + 2))
        await drain_all(consumer)
    assert (await bus.saved(TRADER)).snapshot_at == "4-4"


class LateBus(MemoryBus):
    """Lets a predecessor have a go while its successor restores its state."""

    predecessor: Consumer | None = None

    async def saved(self, service: str) -> Saved:
        found = await super().saved(service)
        if self.predecessor is not None:
            old, self.predecessor = self.predecessor, None
            with pytest.raises(Fenced):
                await drain_all(old)
        return found


async def test_a_predecessor_is_fenced_before_its_state_is_taken_over() -> None:
    bus = LateBus()
    old, new = trader_on(bus), trader_on(bus)
    await old.start()
    await tell(bus, tick(1))
    bus.predecessor = old
    await new.start()
    assert await drain_all(new) == 1


class StrangeSnapshots(MemoryBus):
    """Holds a snapshot that another version wrote."""

    async def saved(self, service: str) -> Saved:
        saved = await super().saved(service)
        return Saved(b'{"another": "shape"}', saved.snapshot_at, saved.last)


async def test_a_snapshot_nobody_can_read_any_more_costs_time_and_nothing_else() -> None:
    bus, fold = StrangeSnapshots(), diary_fold(7)
    consumer = trader_on(bus, fold)
    await consumer.start()
    for n in range(30):
        await tell(bus, tick(n, f"S{n % 3}"))
        await consumer.poll_once()
    restored = await restore(bus, TRADER, diary_fold())
    assert restored.state == fold.state
    assert restored.replayed == 30


class Page(msgspec.Struct):
    """A state in one version."""

    lines: list[str] = []


class LongerPage(msgspec.Struct):
    """The same state in the next version."""

    lines: list[str] = []
    read_to: int = 0


def test_a_snapshot_is_read_by_the_very_shape_that_wrote_it() -> None:
    page = Page(["one", "two"])
    snapshot = snapshots_of(Page).save(page)
    assert snapshots_of(Page).load(snapshot) == page
    with pytest.raises(msgspec.DecodeError, match="shape"):
        snapshots_of(LongerPage).load(snapshot)
