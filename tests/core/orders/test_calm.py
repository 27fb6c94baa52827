"""The calm of a position ends with every fact that is more than a price."""

from pathlib import Path

import pytest

from quantum_trader.core.events import (
    CandleClosed,
    DrainSwitched,
    Fact,
    FundingRatePublished,
    FundingSettled,
    IntentProposed,
    KillLevelSet,
    MarkPriced,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    OrderTriggered,
    RulesAdopted,
    SecondPassed,
    Tick,
    decode,
)
from quantum_trader.core.exits.calm import Calm
from quantum_trader.core.state import TraderState
from quantum_trader.core.trader import step

GOLDEN = Path(__file__).parents[2] / "golden" / "facts_v1.jsonl"
FACTS = {type(fact): fact for fact in map(decode, GOLDEN.read_bytes().splitlines())}
PRICES = (CandleClosed, Tick)
HEARD = (
    FundingRatePublished,
    MarkPriced,
    SecondPassed,
    IntentProposed,
    OrderAccepted,
    OrderRejected,
    OrderInDoubt,
    OrderTriggered,
    OrderFilled,
    OrderCanceled,
    FundingSettled,
    DrainSwitched,
    KillLevelSet,
    RulesAdopted,
)


@pytest.mark.parametrize("fact", [FACTS[kind] for kind in HEARD])
def test_whatever_is_no_price_ends_the_calm_of_everybody(fact: Fact) -> None:
    state = TraderState()
    step(state, FACTS[RulesAdopted])
    state.calm["ANYUSDT"] = Calm()
    step(state, fact)
    assert not state.calm


@pytest.mark.parametrize("fact", [FACTS[kind] for kind in PRICES])
def test_a_price_ends_nobodys_calm_but_its_own(fact: Fact) -> None:
    state = TraderState()
    state.calm["ANYUSDT"] = Calm()
    step(state, fact)
    assert list(state.calm) == ["ANYUSDT"]


def test_the_calm_is_no_part_of_the_state() -> None:
    one, other = TraderState(), TraderState()
    one.calm["ANYUSDT"] = Calm()
    assert one == other
