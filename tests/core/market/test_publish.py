"""Market state as a fact: as old as the bar it comes from."""

from quantum_trader.core.events import MarketStateComputed
from quantum_trader.core.market.window import WINDOW_BARS
from tests.support import MINUTE_MS, NOON_MS, Desk, a_candle, an_intent, refused_by, some_rules


def wavy(desk: Desk, bars: int) -> int:
    """Show bars that go up and down; when the last one closed."""
    at_ms = NOON_MS
    for number in range(bars):
        at_ms = NOON_MS + number * MINUTE_MS
        desk.tell(a_candle(60_000.0 + number % 7, at_ms))
    return at_ms


def states(desk: Desk) -> list[MarketStateComputed]:
    return [one for one in desk.take(MarketStateComputed) if isinstance(one, MarketStateComputed)]


def test_market_state_is_as_old_as_its_newest_bar() -> None:
    desk = Desk(some_rules(state_required=True, state_age_ms_max=MINUTE_MS))
    closed_ms = wavy(desk, WINDOW_BARS)
    desk.second(closed_ms + MINUTE_MS + 1)
    answer = desk.tell(an_intent(at_ms=closed_ms + MINUTE_MS))[-1]
    assert states(desk)[-1].at_ms == closed_ms
    assert "state_known" in refused_by(answer)


def test_a_new_bar_makes_a_new_state_and_a_second_question_none() -> None:
    desk = Desk(some_rules(state_required=True))
    closed_ms = wavy(desk, WINDOW_BARS)
    desk.tell(an_intent(at_ms=closed_ms), an_intent(at_ms=closed_ms + 1))
    (first,) = states(desk)
    desk.tell(a_candle(61_000.0, closed_ms + MINUTE_MS), an_intent(at_ms=closed_ms + 2))
    third = states(desk)[-1]
    assert third.last_bar_ms == first.last_bar_ms + MINUTE_MS
    assert third.sigma_frac != first.sigma_frac


def test_an_entry_that_is_taken_says_the_state_it_met_and_a_refused_one_does_not() -> None:
    desk = Desk()
    closed_ms = wavy(desk, WINDOW_BARS)
    desk.tell(an_intent(at_ms=closed_ms))
    (state,) = states(desk)
    assert state.at_ms == closed_ms
    desk.tell(an_intent(at_ms=closed_ms + 1))
    assert states(desk) == [state]
