"""Doing something again and again: a silence is borne, and looks go on where they were."""

import pytest

from quantum_trader.core.errors import BrokenInvariant, BusUnreachable
from quantum_trader.services.patience import FIRST_PAUSE_MS, PATIENCE_MS
from quantum_trader.services.rounds import go_round
from tests.gateways import PatientClock


async def test_a_round_without_an_answer_is_tried_again_soon_and_the_next_comes_in_its_time() -> (
    None
):
    clock = PatientClock(0)
    looked_ms: list[int] = []

    async def look() -> None:
        looked_ms.append(clock.now_ms())
        if len(looked_ms) == 2:
            raise BusUnreachable("no answer")
        if len(looked_ms) == 4:
            raise BrokenInvariant("enough")

    with pytest.raises(BrokenInvariant, match="enough"):
        await go_round(look, 1_000, clock)
    assert looked_ms == [0, 1_000, 1_000 + FIRST_PAUSE_MS, 2_000 + FIRST_PAUSE_MS]


async def test_a_silence_that_does_not_end_ends_the_rounds() -> None:
    clock = PatientClock(0)

    async def look() -> None:
        raise BusUnreachable("no answer")

    with pytest.raises(BusUnreachable):
        await go_round(look, 1_000, clock)
    assert clock.now_ms() >= PATIENCE_MS
