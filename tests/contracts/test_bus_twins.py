"""The bus in memory against the real server, over the whole interface, command by command."""

import os
from collections.abc import Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.bus.redis import RedisBus
from tests.contracts.bus_twins import Command, Player, Side, story

COMMANDS_A_STORY = 250
COMMANDS = int(os.environ.get("QT_BUS_COMMANDS", "1000"))


async def replies(commands: Sequence[Command], url: str) -> tuple[list[Any], list[Any]]:
    """What either bus answers to the same commands."""
    raw = Redis.from_url(url)
    await raw.flushall()
    real = [RedisBus(url, consumer=name) for name in ("one", "two")]
    memory = MemoryBus(consumer="one")

    async def lose(stream: str, entry_id: str) -> None:
        memory.lose(stream, entry_id)

    there = Player(Side(real[0], real[1], raw.xdel))
    here = Player(Side(memory, memory.beside("two"), lose))
    try:
        pairs = [(await here.play(one), await there.play(one)) for one in commands]
    finally:
        for bus in real:
            await bus.close()
        await raw.aclose()
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


async def first_difference(commands: Sequence[Command], url: str) -> int | None:
    """The number of the first command that is answered differently; None when none is."""
    here, there = await replies(commands, url)
    for number, pair in enumerate(zip(here, there, strict=True)):
        if pair[0] != pair[1]:
            return number
    return None


async def shortest(commands: Sequence[Command], url: str) -> list[Command]:
    """A story that still ends differently, without what it does not need."""
    kept = list(commands)
    for at in range(len(kept) - 2, -1, -1):
        fewer = kept[:at] + kept[at + 1 :]
        end = await first_difference(fewer, url)
        if end is not None:
            kept = fewer[: end + 1]
    return kept


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(COMMANDS // COMMANDS_A_STORY))
async def test_both_buses_answer_alike(seed: int, bus_url: str) -> None:
    commands = story(seed, COMMANDS_A_STORY)
    end = await first_difference(commands, bus_url)
    if end is not None:
        least = await shortest(commands[: end + 1], bus_url)
        here, there = await replies(least, bus_url)
        told = "\n".join(map(str, least))
        pytest.fail(f"{told}\nin memory: {here[-1]}\non server: {there[-1]}")


async def test_a_bus_that_answers_otherwise_is_found_out(
    bus_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgetful(self: MemoryBus, stream: str, before: str) -> int:
        return 0

    monkeypatch.setattr(MemoryBus, "trim", forgetful)
    commands = story(1, COMMANDS_A_STORY)
    end = await first_difference(commands, bus_url)
    assert end is not None
    least = await shortest(commands[: end + 1], bus_url)
    assert "trim" in [one.name for one in least]
    assert len(least) < 8
