"""What holds for every model in the register, whatever its rule."""

import random
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.intent_edge import read_intent, write_intent
from quantum_trader.core.signals import MODELS, AnyModel, ModelState, Signal, to_intent
from quantum_trader.core.signals.model import BarCursor
from tests.core.signals.bars import HOUR_MS, bars_of, later, told

WARM_UP_BARS = {"ema_cross": 150, "trend": 24}
"""With bars of an hour: the last bar that may not give a signal yet."""

every_model = pytest.mark.parametrize("model", [make() for make in MODELS.values()], ids=[*MODELS])
seeds = st.integers(0, 2**32)


def wandering(seed: int, count: int = 400) -> list[float]:
    """Return closes that wander enough for every model to change its mind."""
    dice, price, closes = random.Random(seed), 100.0, []
    for _ in range(count):
        price *= 1.0 + dice.gauss(0.0, 0.012)
        closes.append(price)
    return closes


def test_every_model_is_registered_under_its_own_name() -> None:
    assert {name: make().name for name, make in MODELS.items()} == {name: name for name in MODELS}
    assert WARM_UP_BARS.keys() == MODELS.keys()


@every_model
def test_a_model_changes_its_mind_both_ways(model: AnyModel) -> None:
    sides = {said.side for said in told(model, bars_of(wandering(1, 3_000))) if said}
    assert {"LONG", "SHORT"} <= sides


@every_model
@given(seed=seeds)
def test_the_same_bars_always_get_the_same_answers(model: AnyModel, seed: int) -> None:
    bars = bars_of(wandering(seed))
    assert told(model, bars) == told(model, bars)


@every_model
@given(seed=seeds, other=seeds, known=st.integers(1, 399))
def test_no_answer_depends_on_a_later_bar(
    model: AnyModel, seed: int, other: int, known: int
) -> None:
    past = wandering(seed)[:known]
    one, two = wandering(seed), past + wandering(other)[known:]
    assert told(model, bars_of(one))[:known] == told(model, bars_of(two))[:known]


@every_model
@given(seed=seeds, cut=st.integers(0, 400))
def test_a_state_survives_a_round_trip_through_json(model: AnyModel, seed: int, cut: int) -> None:
    bars = bars_of(wandering(seed))
    state = model.initial()
    before = [model.on_candle(state, bar) for bar in bars[:cut]]
    again = msgspec.json.decode(msgspec.json.encode(state), type=ModelState)
    assert again == state
    assert before + [model.on_candle(again, bar) for bar in bars[cut:]] == told(model, bars)


@every_model
@given(seed=seeds)
def test_nothing_is_said_before_the_warm_up_is_over(model: AnyModel, seed: int) -> None:
    quiet = told(model, bars_of(wandering(seed)))[: WARM_UP_BARS[model.name]]
    assert not [said for said in quiet if said]


@every_model
@given(seed=seeds, at=st.integers(0, 399), back=st.integers(0, 5))
def test_a_bar_seen_before_changes_nothing(model: AnyModel, seed: int, at: int, back: int) -> None:
    bars = bars_of(wandering(seed))
    state = model.initial()
    answers = []
    for number, bar in enumerate(bars):
        answers.append(model.on_candle(state, bar))
        if number == at:
            kept = msgspec.json.encode(state)
            assert model.on_candle(state, bars[max(at - back, 0)]) is None
            assert msgspec.json.encode(state) == kept
    assert answers == told(model, bars)


@every_model
@given(seed=seeds, hole=st.integers(1, 50))
def test_after_a_hole_a_model_begins_anew(model: AnyModel, seed: int, hole: int) -> None:
    bars = bars_of(wandering(seed))
    cut = 200
    after = later(bars[cut:], hole * HOUR_MS)
    assert told(model, bars[:cut] + after)[cut:] == told(model, after)


@every_model
def test_bars_of_another_length_begin_anew(model: AnyModel) -> None:
    hours = bars_of(wandering(3))
    minutes = later(bars_of(wandering(4), interval_ms=HOUR_MS // 2), 400 * HOUR_MS)
    assert told(model, hours + minutes)[400:] == told(model, minutes)


@every_model
@given(seed=seeds)
def test_two_signals_in_a_row_are_never_the_same(model: AnyModel, seed: int) -> None:
    sides = [said.side for said in told(model, bars_of(wandering(seed))) if said]
    assert all(one != two for one, two in pairwise(sides))


@every_model
def test_a_signal_becomes_an_intent_that_its_readers_understand(model: AnyModel) -> None:
    bars = bars_of(wandering(1))
    made = [
        intent
        for said, bar in zip(told(model, bars), bars, strict=True)
        if said and (intent := to_intent(said, bar, model, "main"))
    ]
    assert made
    assert len({intent.id for intent in made}) == len(made)
    assert [read_intent(write_intent(intent), account="main") for intent in made] == made
    assert {intent.strategy for intent in made} == {model.name}


@every_model
def test_hold_never_becomes_an_intent(model: AnyModel) -> None:
    bar = bars_of([100.0])[0]
    assert to_intent(Signal("HOLD", 0.3, "nothing"), bar, model, "main") is None


def test_an_intent_is_named_by_strategy_symbol_side_and_bar() -> None:
    model = MODELS["trend"]()
    bar, next_bar = bars_of([100.0, 101.0])
    long, short = Signal("LONG", 0.5, "up"), Signal("SHORT", 0.5, "down")
    first = to_intent(long, bar, model, "main")
    again = to_intent(Signal("LONG", 0.7, "up, told otherwise"), bar, model, "main")
    others = [
        to_intent(long, next_bar, model, "main"),
        to_intent(short, bar, model, "main"),
        to_intent(long, bar, MODELS["ema_cross"](), "main"),
        to_intent(long, msgspec.structs.replace(bar, symbol="BTCUSDT"), model, "main"),
        to_intent(long, bar, model, "other"),
    ]
    assert first is not None
    assert again is not None
    assert first.id == again.id == first.trace_id
    assert first.at_ms == bar.at_ms
    assert str(first.entry_price) == "100.0"
    assert len({first.id, *(each.id for each in others if each)}) == 6


def test_every_state_knows_where_it_stands_in_the_bars() -> None:
    for make in MODELS.values():
        state = make().initial()
        assert isinstance(state, BarCursor)
