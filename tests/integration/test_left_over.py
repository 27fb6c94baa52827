"""How unfinished messages come again: together at first, and alone in the end."""

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.core.events import DeadLettered
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.streams import EXECUTION_RESULT, MARKET_TICK, TRADER, dead_letters_of
from tests.commands import accepted, order_command
from tests.loops import (
    POISON,
    diary_fold,
    drain,
    drain_all,
    second,
    start_until_it_lives,
    tell,
    tick,
    told,
    trader_on,
)

MANY = 64


async def given_and_killed(times: int) -> MemoryBus:
    """A bus with one full batch that was delivered so often and never finished."""
    bus = MemoryBus()
    await trader_on(bus).start()
    await tell(bus, *(tick(n) for n in range(1, MANY + 1)))
    await bus.read(TRADER, [MARKET_TICK], count=MANY, block_ms=0)
    for _ in range(times - 1):
        await bus.pending(TRADER, MARKET_TICK, count=MANY)
    return bus


async def groups_of(bus: MemoryBus) -> list[int]:
    """How many entries each turn of a new instance takes."""
    consumer = trader_on(bus)
    await consumer.start()
    taken: list[int] = []
    while done := await consumer.poll_once():
        taken.append(done)
    return taken


@pytest.mark.parametrize(
    ("times", "groups"),
    [
        (1, [1, 63]),
        (2, [1, 16, 16, 16, 15]),
        (3, [1, *[4] * 15, 3]),
        (4, [1] * 64),
        (7, [1] * 64),
    ],
)
async def test_the_oftener_a_batch_came_the_fewer_are_tried_together(
    times: int, groups: list[int]
) -> None:
    assert await groups_of(await given_and_killed(times)) == groups


@pytest.mark.parametrize("times", [1, 2, 3, 4, 9])
async def test_what_is_new_on_a_stream_does_not_wait_for_all_that_is_old_on_those_behind(
    times: int,
) -> None:
    """Sixty-four commits stood before the stops of open positions, one for every old signal."""
    bus = await given_and_killed(times)
    fold = diary_fold()
    consumer = trader_on(bus, fold)
    await consumer.start()
    for turn in range(1, 4):
        await consumer.poll_once()
        await tell(bus, drain(turn))
        await consumer.poll_once()
        assert fold.state.seen[-1] == f"d{turn}"


async def test_the_time_is_told_before_what_is_old_is_judged() -> None:
    bus = await given_and_killed(1)
    await tell(bus, second(700))
    fold = diary_fold()
    consumer = trader_on(bus, fold)
    await consumer.start()
    await drain_all(consumer)
    assert fold.state.seen[:2] == ["s700", "t1"]


async def test_what_is_old_on_the_first_stream_of_all_waits_for_nothing_new() -> None:
    bus, fold = MemoryBus(), diary_fold()
    await trader_on(bus).start()
    old, new = accepted(order_command("entry")), accepted(order_command("stop"))
    await tell(bus, old)
    await bus.read(TRADER, [EXECUTION_RESULT], count=9, block_ms=0)
    await tell(bus, new)
    consumer = trader_on(bus, fold)
    await consumer.start()
    await drain_all(consumer)
    assert fold.state.seen == [old.id, new.id]


async def test_what_is_old_is_finished_however_much_is_new_before_it() -> None:
    bus = await given_and_killed(5)
    fold = diary_fold()
    consumer = trader_on(bus, fold)
    await consumer.start()
    for turn in range(1, 2 * MANY + 1):
        await tell(bus, drain(turn))
        await consumer.poll_once()
    assert {f"t{n}" for n in range(1, MANY + 1)} <= set(fold.state.seen)


async def test_who_comes_for_the_last_time_stands_alone_among_those_who_came_once() -> None:
    bus = MemoryBus(consumer="a")
    other = bus.beside("b")
    await trader_on(bus).start()
    await tell(bus, *(tick(n) for n in range(1, 9)))
    await bus.read(TRADER, [MARKET_TICK], count=3, block_ms=0)
    await other.read(TRADER, [MARKET_TICK], count=1, block_ms=0)
    await bus.read(TRADER, [MARKET_TICK], count=9, block_ms=0)
    for _ in range(3):
        await other.pending(TRADER, MARKET_TICK, count=1)
    assert await bus.claim(TRADER, MARKET_TICK, idle_ms=0, count=9) == 1
    assert await groups_of(bus) == [1, 2, 1, 1, 3]


async def test_where_two_deliveries_are_all_everything_comes_alone() -> None:
    bus = await given_and_killed(1)
    consumer = trader_on(bus, settings=LoopSettings(account="a", deliveries_max=2))
    await consumer.start()
    taken = [await consumer.poll_once() for _ in range(MANY)]
    assert taken == [1] * MANY


@pytest.mark.parametrize("place", [1, 2, 17, 40, MANY])
async def test_poison_in_a_full_batch_is_given_up_alone_after_five_deliveries(place: int) -> None:
    bus = MemoryBus()
    facts = [tick(n, POISON if n == place else "ETHUSDT") for n in range(1, MANY + 1)]
    await tell(bus, *facts)
    fold, deaths = await start_until_it_lives(bus)
    (letter,) = await told(bus, dead_letters_of(TRADER, MARKET_TICK))
    assert isinstance(letter, DeadLettered)
    assert (letter.deliveries, deaths) == (5, 5)
    assert sorted(fold.state.seen) == sorted(f"t{n}" for n in range(1, MANY + 1) if n != place)
