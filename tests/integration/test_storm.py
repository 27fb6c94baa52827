"""Real processes, killed in the middle of outside intents: nothing lost, nothing doubled."""

from pathlib import Path

import pytest

from tests.storm import Storm

COUNT, KILLS = 1_000, 5


@pytest.mark.timeout(240)
async def test_a_storm_of_intents_and_kills_loses_and_doubles_nothing(tmp_path: Path) -> None:
    outcome = await Storm(tmp_path, seed=11, count=COUNT, kills=KILLS).rage()
    assert outcome.kills == KILLS
    assert outcome.sent.total() == COUNT
    # Every message has its one end: an answer (a result or a counted skip), or a dead letter.
    assert outcome.answers.total() + outcome.dead == outcome.intents >= COUNT
    assert outcome.dead == outcome.sent["malformed"]
    assert outcome.plans >= outcome.entry_orders > 0
    assert outcome.repeated_facts == 0
    assert outcome.positions_agree
    assert outcome.naked_at_end == 0
    assert outcome.journal_records > 0
