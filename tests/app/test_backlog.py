"""Passing over a backlog: told first, counted, on record, once, and never what money hangs on."""

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.app.backlog import NEVER, NEWEST, Pass, look_at, pass_over
from quantum_trader.core.errors import UsageError
from quantum_trader.core.events import BacklogSkipped
from quantum_trader.core.stream_info import Backlog
from quantum_trader.ports import Output
from quantum_trader.services.wire import read, write
from quantum_trader.streams import (
    CLOCK_STREAM,
    MARKET_TICK,
    OPERATOR_STREAM,
    PREFIX,
    TRADE_INTENT,
    groups,
)
from tests.loops import tick
from tests.support import ACCOUNT, NOON_MS

ANN = Pass(who="ann", why="a day of old prices", at_ms=NOON_MS, account=ACCOUNT)


@pytest.fixture
async def bus() -> MemoryBus:
    """Return a bus with five ticks, of which the trader was given one."""
    made = MemoryBus()
    for service, key in groups():
        await made.open_group(service, key, "0")
    await made.append(MARKET_TICK, [write(tick(100 + n)) for n in range(5)], writer="feed")
    await made.read("trader", [MARKET_TICK], count=1, block_ms=0)
    return made


async def ids(bus: MemoryBus) -> list[str]:
    return [entry.id for entry in await bus.span(MARKET_TICK, "-", "+", 9)]


async def records(bus: MemoryBus) -> list[BacklogSkipped]:
    found = [read(entry) for entry in await bus.span(OPERATOR_STREAM, "-", "+", 9)]
    return [fact for fact in found if isinstance(fact, BacklogSkipped)]


async def test_looking_says_what_would_be_passed_over_and_changes_nothing(bus: MemoryBus) -> None:
    known = await ids(bus)
    seen = await look_at(bus, "market.tick", "trader", NEWEST)
    assert (seen.state, seen.count, seen.first, seen.last) == ("told", 5, known[0], known[-1])
    assert seen.first_ms is not None
    assert "never learns" in seen.means
    assert await look_at(bus, PREFIX + "market.tick", "trader", NEWEST) == seen
    assert await records(bus) == []


async def test_what_was_passed_over_is_counted_on_record_and_read_no_more(bus: MemoryBus) -> None:
    known = await ids(bus)
    seen = await look_at(bus, "market.tick", "trader", known[2])
    assert (await pass_over(bus, seen, ANN)).state == "passed"
    (fact,) = await records(bus)
    assert (fact.stream, fact.group, fact.count) == ("market.tick", "trader", 3)
    assert (fact.first, fact.last) == (known[0], known[2])
    assert (fact.who, fact.why, fact.account) == ("ann", "a day of old prices", ACCOUNT)
    assert await bus.pending("trader", MARKET_TICK, count=9) == []
    fresh = await bus.read("trader", [MARKET_TICK], count=9, block_ms=0)
    assert [entry.id for entry in fresh] == known[3:]
    others = await bus.read("paper", [MARKET_TICK], count=9, block_ms=0)
    assert len(others) == 5, "nobody else's position moved"


async def test_once_is_enough_and_a_second_time_says_so(bus: MemoryBus) -> None:
    seen = await look_at(bus, "market.tick", "trader", NEWEST)
    await pass_over(bus, seen, ANN)
    again = await look_at(bus, "market.tick", "trader", NEWEST)
    assert (again.state, again.count, again.first_ms) == ("nothing", 0, None)
    assert (await pass_over(bus, seen, ANN)).state == "passed", "that is on record already"
    assert len(await records(bus)) == 1


async def test_a_backlog_that_changed_is_left_alone(bus: MemoryBus) -> None:
    seen = await look_at(bus, "market.tick", "trader", (await ids(bus))[2])
    bus_ids = await ids(bus)
    await bus.skip("trader", MARKET_TICK, bus_ids[0], Backlog(1, bus_ids[0], bus_ids[0]), note())
    assert (await pass_over(bus, seen, ANN)).state == "changed"
    assert await records(bus) == []
    rest = await look_at(bus, "market.tick", "trader", bus_ids[2])
    await bus.skip("trader", MARKET_TICK, bus_ids[2], Backlog(2, rest.first, rest.last), note())
    assert (await pass_over(bus, rest, ANN)).state == "nothing"


def note() -> Output:
    return Output(CLOCK_STREAM, "*", {b"a": b"b"})


@pytest.mark.parametrize(
    ("group", "key"), [edge for edge in groups() if edge[1] in NEVER], ids="|".join
)
async def test_orders_fills_and_the_words_of_people_are_never_passed_over(
    bus: MemoryBus, group: str, key: str
) -> None:
    with pytest.raises(UsageError, match="cannot pass over"):
        await look_at(bus, key, group, NEWEST)


async def test_a_strangers_group_may_pass_over_anything(bus: MemoryBus) -> None:
    await bus.open_group("spy", PREFIX + "execution.result", "0")
    await bus.append(PREFIX + "execution.result", [{b"a": b"b"}], writer="gateway")
    seen = await look_at(bus, "execution.result", "spy", NEWEST)
    assert seen.first_ms is None, "nobody can read that"
    assert "No service of ours" in seen.means
    assert (await pass_over(bus, seen, ANN)).state == "passed"


@pytest.mark.parametrize(
    ("stream", "group", "to", "words"),
    [
        ("market.tick", "nobody", NEWEST, "there are: "),
        ("no.such", "trader", NEWEST, "there are: none"),
        ("market.tick", "trader", "yesterday", "no entry id"),
    ],
)
async def test_what_makes_no_sense_is_said(
    bus: MemoryBus, stream: str, group: str, to: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        await look_at(bus, stream, group, to)


async def test_what_intents_mean_is_told_before_they_are_passed_over(bus: MemoryBus) -> None:
    await bus.append(TRADE_INTENT, [{b"symbol": b"BTCUSDT"}], writer="somebody")
    assert "no close comes of it" in (await look_at(bus, "trade.intent", "trader", NEWEST)).means
