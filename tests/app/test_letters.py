"""Dead letters: found, shown whole, sent again once, byte for byte, and never in a circle."""

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.app.letters import By, Desk, Letter, find, kind_of, letters_in
from quantum_trader.core.errors import Fenced, Malformed, UsageError
from quantum_trader.core.events import LetterHandled
from quantum_trader.ports import Entry, Fields
from quantum_trader.services.dead_letters import dead_letter
from quantum_trader.services.wire import read, write
from quantum_trader.streams import (
    OPERATOR_STREAM,
    ORDER_COMMAND,
    TRADE_INTENT,
    TRADE_INTENT_DLQ,
    dead_letters_of,
)
from tests.support import ACCOUNT, NOON_MS

ODD: Fields = {b"symbol": b"BTCUSDT", b"\xff\x00": b"\x80not utf-8", b"empty": b""}
ANN = By(who="ann", why="it is mended", at_ms=NOON_MS + 7, account=ACCOUNT)


async def put_aside(bus: MemoryBus, entry: Entry, service: str = "trader") -> str:
    """Make a dead letter of an entry, as the loop does; the letter's id."""
    letter = dead_letter(entry, "nobody can read it", at_ms=NOON_MS, account=ACCOUNT)
    key = dead_letters_of(service, entry.stream)
    await bus.append(key, [write(letter)], writer=service)
    return (await bus.last(key, 1))[0].id


async def come(bus: MemoryBus, fields: Fields = ODD) -> str:
    """An intent that nobody can read comes and is put aside; the letter's id."""
    await bus.append(TRADE_INTENT, [fields], writer="somebody")
    return await put_aside(bus, (await bus.last(TRADE_INTENT, 1))[0])


async def fail_again(bus: MemoryBus) -> str:
    """The newest intent is put aside, whatever it is."""
    return await put_aside(bus, (await bus.last(TRADE_INTENT, 1))[0])


async def the_letters(bus: MemoryBus) -> list[Letter]:
    return [letter async for letter in letters_in(bus, TRADE_INTENT_DLQ)]


async def states(bus: MemoryBus) -> list[tuple[str, int]]:
    return [(one.state, one.times) for one in await the_letters(bus)]


async def test_a_letter_sent_again_is_the_original_to_the_byte_and_it_is_on_record() -> None:
    bus = MemoryBus()
    name = await come(bus)
    assert await (await Desk.of(bus, ANN)).redrive(await find(bus, name))
    first, again = await bus.span(TRADE_INTENT, "-", "+", 10)
    assert first.fields == again.fields == ODD
    (entry,) = await bus.span(OPERATOR_STREAM, "-", "+", 10)
    fact = read(entry)
    assert isinstance(fact, LetterHandled)
    assert (fact.letter, fact.action) == (f"trade.intent.dlq/{name}", "redriven")
    assert (fact.who, fact.why, fact.at_ms) == ("ann", "it is mended", NOON_MS + 7)
    (letter,) = await the_letters(bus)
    assert (letter.state, letter.redriven_at) == ("redriven", "2025-01-01 12:00:00.007")
    assert (letter.handled_by, letter.handled_why) == ("ann", "it is mended")
    assert letter.handled_ms == NOON_MS + 7


async def test_what_failed_again_waits_under_the_name_of_what_failed_first() -> None:
    bus = MemoryBus()
    name = await come(bus)
    desk = await Desk.of(bus, ANN)
    await desk.redrive(await find(bus, name))
    second = await fail_again(bus)
    first, again = await the_letters(bus)
    assert (first.state, again.state, again.times) == ("redriven", "failed again", 1)
    assert again.waits
    assert again.origin == first.origin
    assert again.entry_id != first.entry_id
    assert not await desk.redrive(again), "not in a circle"
    assert not await desk.redrive(first)
    assert len(await bus.span(TRADE_INTENT, "-", "+", 10)) == 2
    assert await desk.redrive(again, again=True)
    await fail_again(bus)
    assert await states(bus) == [("redriven", 2), ("redriven", 2), ("failed again", 2)]
    assert await desk.see(await find(bus, second)) is False, "that one was dealt with"
    assert await desk.see((await the_letters(bus))[-1])
    assert not any(one.waits for one in await the_letters(bus))


async def test_two_messages_with_the_same_bytes_are_two_messages() -> None:
    bus = MemoryBus()
    first, second = [await come(bus) for _ in range(2)]
    desk = await Desk.of(bus, ANN)
    await desk.redrive(await find(bus, first))
    assert await states(bus) == [("redriven", 1), ("waiting", 0)]
    assert await desk.redrive(await find(bus, second))


async def test_a_letter_that_was_seen_waits_no_longer_and_can_still_be_sent() -> None:
    bus = MemoryBus()
    name = await come(bus)
    desk = await Desk.of(bus, ANN)
    assert await desk.see(await find(bus, name))
    assert not await desk.see(await find(bus, name)), "once is enough"
    assert await states(bus) == [("seen", 0)]
    assert len(await bus.span(OPERATOR_STREAM, "-", "+", 10)) == 1
    assert await desk.redrive(await find(bus, name))
    await fail_again(bus)
    assert await states(bus) == [("redriven", 1), ("failed again", 1)]


async def test_of_two_people_at_once_the_later_one_goes_on_and_the_other_is_sent_away() -> None:
    bus = MemoryBus()
    name = await come(bus)
    first, second = await Desk.of(bus, ANN), await Desk.of(bus, ANN)
    assert await second.redrive(await find(bus, name))
    with pytest.raises(Fenced):
        await first.redrive(await find(bus, name))
    assert len(await bus.span(TRADE_INTENT, "-", "+", 10)) == 2
    assert not await (await Desk.of(bus, ANN)).redrive(await find(bus, name))


async def test_a_stream_that_its_writer_numbers_takes_nothing_from_a_stranger() -> None:
    bus = MemoryBus()
    name = await put_aside(bus, Entry(ORDER_COMMAND, "7-1", {b"a": b"b"}, 5), "gateway")
    with pytest.raises(UsageError, match="numbered by their writer"):
        await (await Desk.of(bus, ANN)).redrive(await find(bus, name))
    assert await bus.span(ORDER_COMMAND, "-", "+", 10) == []


async def test_a_letter_without_an_original_cannot_be_sent() -> None:
    bus = MemoryBus()
    name = await put_aside(bus, Entry(TRADE_INTENT, "7-1", None, 1))
    with pytest.raises(UsageError, match="deleted before it was read"):
        await (await Desk.of(bus, ANN)).redrive(await find(bus, name))


async def test_an_id_that_two_streams_hold_must_be_named_in_full() -> None:
    bus = MemoryBus()
    one = await put_aside(bus, Entry(TRADE_INTENT, "7-1", ODD, 1))
    two = await put_aside(bus, Entry(ORDER_COMMAND, "7-1", ODD, 1), "gateway")
    assert one == two
    with pytest.raises(UsageError, match=r"trade\.intent\.dlq/\S+ or dlq\.gateway/"):
        await find(bus, one)
    assert (await find(bus, f"dlq.gateway/{one}")).stream == ORDER_COMMAND
    with pytest.raises(UsageError, match="no such dead letter"):
        await find(bus, "9-9")


async def test_what_is_no_letter_is_passed_over() -> None:
    bus = MemoryBus()
    await bus.append(TRADE_INTENT_DLQ, [{b"payload": b"{"}, {b"a": b"b"}], writer="trader")
    await come(bus)
    assert len(await the_letters(bus)) == 1


def test_reasons_that_differ_by_the_value_alone_are_of_one_kind() -> None:
    up, down = [f"Malformed: {Malformed('side', word, 'LONG or SHORT')}" for word in ("UP", "1.5")]
    other = f"Malformed: {Malformed('qty', 'UP', 'a number')}"
    assert kind_of(up) == kind_of(down) == "Malformed: side: got ..., expected LONG or SHORT"
    assert kind_of(other) != kind_of(up)
    assert kind_of("KeyError: 17 of 4,000") == kind_of("KeyError: 9 of 12")
