"""The unruly worlds once more, while the venue's account is looked at: nothing gets worse by it."""

import pytest

from quantum_trader.core.events import encode
from quantum_trader.core.state import state_hash
from tests.simulation.test_unruly_venue import World, check_ended


@pytest.mark.parametrize("seed", range(10))
async def test_the_same_holds_while_the_account_is_looked_at(seed: int) -> None:
    world = World(seed, reconciling=True)
    await world.live()
    await world.witness.check(world.rig)
    check_ended(world)
    assert not world.state.quarantined, world.state.quarantined
    assert not world.state.alerts


@pytest.mark.parametrize("seed", range(3))
async def test_looking_at_the_account_changes_no_decision_where_nothing_is_wrong(seed: int) -> None:
    decided, states = [], []
    for reconciling in (False, True):
        world = World(seed, reconciling=reconciling)
        assert world.venue is not None
        world.venue.calm = True
        await world.live()
        assert bool(world.state.venue_ms) is reconciling
        world.state.venue_ms = 0
        decided.append([encode(fact) for fact in world.witness.said])
        states.append(state_hash(world.state))
    assert decided[0] == decided[1]
    assert states[0] == states[1]
    assert len(decided[0]) > 20
