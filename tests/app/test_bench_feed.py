"""The benchmark of the feed finds out what it claims to exclude."""

import pytest

from quantum_trader.app.bench.feed import fed, growth_bytes, made_frames
from quantum_trader.core.errors import BrokenInvariant

MANY = 2_000


async def test_every_fact_arrives_and_nothing_heaps_up() -> None:
    rate, told = await fed(made_frames(MANY))
    assert rate > 0
    assert told > 100
    assert await growth_bytes(made_frames(MANY)) < 2_000_000


async def test_a_frame_that_is_lost_or_broken_is_found_out() -> None:
    frames = made_frames(MANY)
    changes = [number for number, frame in enumerate(frames) if b"depthUpdate" in frame]
    without = [frame for number, frame in enumerate(frames) if number != changes[40]]
    with pytest.raises(BrokenInvariant, match="break in the sequence"):
        await fed(without)
    with pytest.raises(BrokenInvariant, match="unreadable frame"):
        await fed([*frames, b"{"])
