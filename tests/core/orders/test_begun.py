"""Whatever a rule says: no more than there is, no less than can be sold, and no looser stop."""

from decimal import Decimal

import pytest

from quantum_trader.core.events import ExitDecided, MarkPriced
from quantum_trader.core.exits.brain import Verdict, is_quiet
from quantum_trader.core.exits.calm import Calm
from quantum_trader.core.exits.context import ExitContext, Glance
from quantum_trader.core.exits.decision import Decision, move_stop, reduce
from quantum_trader.core.orders import exiting
from quantum_trader.core.rules import ExitRules
from tests.support import MINUTE_MS, NOON_MS, Desk, a_candle, an_intent

WHOLE = Decimal("0.050")


def told(desk: Desk, decision: Decision, patch: pytest.MonkeyPatch) -> ExitDecided | None:
    """The brain says this at the next bar; what was said of it."""

    def said(context: ExitContext, _: ExitRules) -> Verdict:
        return Verdict((decision,), (decision,), context.memory)

    def awake(_: Glance, __: ExitRules) -> bool:
        return False

    patch.setattr(exiting, "evaluate", said)
    patch.setattr(exiting, "is_quiet", awake)
    found = desk.tell(a_candle(60_000.0, NOON_MS + MINUTE_MS))
    return next((one for one in found if isinstance(one, ExitDecided)), None)


def held() -> Desk:
    """A protected long of 0.050 at 60,000."""
    desk = Desk()
    desk.open(60_000.0)
    return desk


def test_a_part_below_the_smallest_order_is_not_sold_and_its_step_is_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = held()
    decided = told(desk, reduce("some_rule", "a crumb", 0.01, stage=1), monkeypatch)
    assert decided is not None
    assert (decided.done, decided.qty) == (False, Decimal(0))
    assert "below the smallest order" in decided.note
    assert not desk.commands("exit")
    (plan,) = desk.state.plans.values()
    assert plan.stage == 1


def test_a_part_that_is_all_that_is_left_leaves_as_a_close_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = held()
    desk.hand("SELL", "0.030", 60_000)
    decided = told(desk, reduce("some_rule", "nearly all", 0.9), monkeypatch)
    assert decided is not None
    assert (decided.done, decided.qty, decided.note) == (True, Decimal("0.020"), "all that is left")
    (leave,) = desk.commands("exit")
    assert (leave.order.qty, leave.reason) == (Decimal("0.020"), "some_rule")
    (plan,) = desk.state.plans.values()
    assert plan.exit_id == leave.order.client_order_id, "it is repeated until nothing is left"


def test_a_stop_that_is_no_tighter_than_the_one_in_force_is_not_placed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = held()
    (plan,) = desk.state.plans.values()
    (stop,) = desk.commands("stop")
    assert told(desk, move_stop("some_rule", "looser", 59_000.0), monkeypatch) is None
    assert desk.commands("stop") == [stop]
    assert plan.stop is not None
    assert plan.stop.client_order_id == stop.order.client_order_id


def looks(patch: pytest.MonkeyPatch) -> list[Glance]:
    """Every look the brain takes from now on at whether it has to think."""
    taken: list[Glance] = []

    def noted(glance: Glance, rules: ExitRules) -> bool:
        taken.append(glance)
        return is_quiet(glance, rules)

    patch.setattr(exiting, "is_quiet", noted)
    return taken


@pytest.mark.parametrize(("side", "sign"), [("LONG", 1), ("SHORT", -1)])
def test_a_calm_position_is_looked_at_again_when_the_price_goes_against_it_far_enough(
    side: str, sign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk()
    desk.open(60_000.0, side=side)
    desk.tell(a_candle(60_000.0, NOON_MS + MINUTE_MS))
    taken = looks(monkeypatch)
    desk.tell(a_candle(60_000.0 - sign * 10, NOON_MS + 2 * MINUTE_MS))
    assert not taken, "so little changes nothing"
    (plan,) = desk.state.plans.values()
    crossed = float(plan.first_stop()) - sign
    desk.tell(a_candle(crossed, NOON_MS + 3 * MINUTE_MS))
    assert len(taken) == 1
    desk.tell(a_candle(crossed, NOON_MS + 4 * MINUTE_MS))
    (leave,) = desk.commands("exit")
    assert (leave.order.qty, leave.reason) == (WHOLE, "crossed_stop")


def test_nobody_is_calm_who_cannot_say_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: Glance, __: ExitRules) -> Calm | None:
        return None

    monkeypatch.setattr(exiting, "calm_of", unknown)
    desk = held()
    taken = looks(monkeypatch)
    for minute in (1, 2, 3):
        desk.tell(a_candle(60_000.0, NOON_MS + minute * MINUTE_MS))
    assert len(taken) == 3


def test_a_position_without_a_confirmed_stop_is_never_calm() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    desk.tell(a_candle(60_000.0, NOON_MS + 2_000))
    assert not desk.commands("exit")
    desk.tell(a_candle(60_000.0, NOON_MS + 4_000))
    (leave,) = desk.commands("exit")
    assert (leave.order.qty, leave.reason) == (WHOLE, "unprotected")


def test_bars_alone_are_no_mark_where_the_venue_has_one_and_calm_ends_with_it() -> None:
    desk = held()
    desk.tell(
        MarkPriced(
            id="mark",
            at_ms=NOON_MS + 1_000,
            symbol="BTCUSDT",
            source="recorded",
            mark=60_000.0,
            funding_rate_frac=None,
            next_funding_ms=None,
        )
    )
    for minute in range(1, 11):
        desk.tell(a_candle(60_000.0, NOON_MS + minute * MINUTE_MS))
    assert not desk.commands("exit")
    desk.tell(a_candle(60_000.0, NOON_MS + 11 * MINUTE_MS))
    (leave,) = desk.commands("exit")
    assert (leave.order.qty, leave.reason) == (WHOLE, "blind")


def test_a_hands_position_beside_an_entry_that_has_not_filled_is_not_the_brains_business(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.hand("BUY", "0.030", 60_000)
    taken = looks(monkeypatch)
    desk.second(NOON_MS + 1_000)
    assert not taken
    assert not desk.take(ExitDecided)
