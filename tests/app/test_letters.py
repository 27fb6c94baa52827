"""Dead letters: found, shown whole, and sent again once, byte for byte."""

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.app.cli.dlq import Letter, find, letters_in, send_again
from quantum_trader.core.errors import UsageError
from quantum_trader.ports import Entry, Fields
from quantum_trader.services.dead_letters import dead_letter
from quantum_trader.services.wire import write
from quantum_trader.streams import ORDER_COMMAND, TRADE_INTENT, TRADE_INTENT_DLQ, dead_letters_of
from tests.support import ACCOUNT, NOON_MS

ODD: Fields = {b"symbol": b"BTCUSDT", b"\xff\x00": b"\x80not utf-8", b"empty": b""}


async def bury(bus: MemoryBus, stream: str, fields: Fields | None, service: str = "trader") -> str:
    """Put a message of a stream aside, as the loop does; the letter's id."""
    entry = Entry(stream, "7-1", fields, 5)
    letter = dead_letter(entry, "nobody can read it", at_ms=NOON_MS, account=ACCOUNT)
    key = dead_letters_of(service, stream)
    await bus.append(key, [write(letter)], writer=service)
    return (await bus.last(key, 1))[0].id


async def the_letters(bus: MemoryBus) -> list[Letter]:
    return [letter async for letter in letters_in(bus, TRADE_INTENT_DLQ)]


async def test_a_letter_sent_again_is_the_original_to_the_byte() -> None:
    bus = MemoryBus()
    name = await bury(bus, TRADE_INTENT, ODD)
    await send_again(bus, await find(bus, name), NOON_MS)
    (entry,) = await bus.span(TRADE_INTENT, "-", "+", 10)
    assert entry.fields == ODD


async def test_a_letter_remembers_that_it_was_sent_again() -> None:
    bus = MemoryBus()
    first, second = [await bury(bus, TRADE_INTENT, ODD) for _ in range(2)]
    await send_again(bus, await find(bus, first), NOON_MS + 7)
    sent, waiting = await the_letters(bus)
    assert (sent.letter, sent.redriven_at) == (
        f"trade.intent.dlq/{first}",
        "2025-01-01 12:00:00.007",
    )
    assert (waiting.letter, waiting.redriven_at) == (f"trade.intent.dlq/{second}", None)
    await send_again(bus, sent, NOON_MS + 8)
    assert len(await bus.span(TRADE_INTENT, "-", "+", 10)) == 2


async def test_a_stream_that_its_writer_numbers_takes_nothing_from_a_stranger() -> None:
    bus = MemoryBus()
    name = await bury(bus, ORDER_COMMAND, {b"a": b"b"}, service="gateway")
    with pytest.raises(UsageError, match="numbered by their writer"):
        await send_again(bus, await find(bus, name), NOON_MS)
    assert await bus.span(ORDER_COMMAND, "-", "+", 10) == []


async def test_a_letter_without_an_original_cannot_be_sent() -> None:
    bus = MemoryBus()
    name = await bury(bus, TRADE_INTENT, None)
    with pytest.raises(UsageError, match="deleted before it was read"):
        await send_again(bus, await find(bus, name), NOON_MS)


async def test_an_id_that_two_streams_hold_must_be_named_in_full() -> None:
    bus = MemoryBus()
    one = await bury(bus, TRADE_INTENT, ODD)
    assert one == await bury(bus, ORDER_COMMAND, ODD, service="gateway")
    with pytest.raises(UsageError, match=r"trade\.intent\.dlq/\S+ or dlq\.gateway/"):
        await find(bus, one)
    assert (await find(bus, f"dlq.gateway/{one}")).stream == ORDER_COMMAND
    with pytest.raises(UsageError, match="no such dead letter"):
        await find(bus, "9-9")


async def test_what_is_no_letter_is_passed_over() -> None:
    bus = MemoryBus()
    await bus.append(TRADE_INTENT_DLQ, [{b"payload": b"{"}, {b"a": b"b"}], writer="trader")
    await bury(bus, TRADE_INTENT, ODD)
    assert len(await the_letters(bus)) == 1
