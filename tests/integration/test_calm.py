"""Looks at a position that are saved, in a whole system: nothing is different without them."""

from collections.abc import Sequence

import pytest

from quantum_trader.app import rig
from quantum_trader.app.bench.replay_speed import PLAIN, WHOLE, replay_walk
from quantum_trader.app.bench.walk import walk
from quantum_trader.core.events import Fact
from quantum_trader.core.exits.calm import Calm
from quantum_trader.core.rules import ExitRules
from quantum_trader.core.state import TraderState
from quantum_trader.core.trader import step

BARS = 2_500


@pytest.mark.slow
@pytest.mark.parametrize("exits", [PLAIN, WHOLE], ids=["plain", "whole"])
async def test_looking_at_every_bar_finds_nothing_that_was_missed(
    exits: ExitRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = 0

    def seldom(state: TraderState, fact: Fact) -> Sequence[Fact]:
        nonlocal saved
        calm: Calm | None = next(iter(state.calm.values()), None)
        said = step(state, fact)
        # Calm that was kept is the very same object: nobody looked.
        saved += calm is not None and next(iter(state.calm.values()), None) is calm
        return said

    def always(state: TraderState, fact: Fact) -> Sequence[Fact]:
        state.calm.clear()
        return step(state, fact)

    prices = walk(BARS, seed=7)
    monkeypatch.setattr(rig, "step", seldom)
    one = await replay_walk(prices, exits)
    monkeypatch.setattr(rig, "step", always)
    other = await replay_walk(prices, exits)
    assert len(one.trades) > 5
    assert saved > BARS / 4
    assert one.state_hash == other.state_hash
    assert one.exits == other.exits
    assert (one.fills, one.stops, one.trades) == (other.fills, other.stops, other.trades)
