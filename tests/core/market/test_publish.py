"""Market state as a fact: as old as the bar it comes from."""

import msgspec

from quantum_trader.core.events import MarketStateComputed
from quantum_trader.core.exits.settings import KillSettings
from quantum_trader.core.market.view import STATE_EVERY_BARS_HELD
from quantum_trader.core.market.window import WINDOW_BARS
from quantum_trader.core.orders.evaluation import looks_at_market
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


def held_for(bars: int, desk: Desk) -> list[int]:
    """A position in a market that is known, held for so many bars: at which the state was said."""
    closed_ms = wavy(desk, WINDOW_BARS)
    desk.open(60_000.0, at_ms=closed_ms)
    first_ms, before = closed_ms + MINUTE_MS, len(states(desk))
    for number in range(bars):
        desk.tell(a_candle(60_000.0 + number % 7, first_ms + number * MINUTE_MS))
    return [(one.at_ms - NOON_MS) // MINUTE_MS + 1 for one in states(desk)[before:]]


def leaving(policy: str, *, by_kill_score: bool) -> Desk:
    """A desk whose positions are left by this policy, with or without the kill score."""
    rules = some_rules()
    kill = KillSettings(enabled=by_kill_score)
    exits = msgspec.structs.replace(rules.exits, policy=policy, kill=kill)
    return Desk(msgspec.structs.replace(rules, exits=exits))


def test_a_market_is_measured_more_often_only_while_the_exits_look_at_it() -> None:
    often = held_for(30, leaving("adaptive", by_kill_score=True))
    assert len(often) == 2
    assert often[1] - often[0] == STATE_EVERY_BARS_HELD
    assert held_for(30, leaving("profile:TREND_DEFAULT", by_kill_score=False)) == often
    assert held_for(30, leaving("adaptive", by_kill_score=False)) == []


def test_a_rest_that_no_target_takes_is_followed_by_a_fresh_range() -> None:
    desk = leaving("adaptive", by_kill_score=False)
    closed_ms = wavy(desk, WINDOW_BARS)
    targets = desk.open(60_000.0, at_ms=closed_ms)
    (plan,) = desk.state.plans.values()
    assert not looks_at_market(desk.state, plan)
    desk.reject(targets[-1], -4164)
    assert looks_at_market(desk.state, plan)
