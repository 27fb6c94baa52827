"""Books and venue differ, and come together: what is done, and what is left alone."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_trader.core.events import (
    CancelCommanded,
    CloseReconciled,
    Fact,
    IntentApplied,
    OrderCommanded,
    OrderFilled,
    PlanEnded,
    Reconciled,
)
from quantum_trader.core.orders.differences import differences
from quantum_trader.core.orders.ids import client_order_id
from quantum_trader.core.orders.reconcile import HEDGE_MODE, IN_DOUBT, belief_of, shown_of
from quantum_trader.core.state import state_hash
from tests.support import NOON_MS, Desk, a_candle, an_intent, kill, refused_by
from tests.venue_shown import SYMBOL, Shown, seen_order


def opened() -> tuple[Desk, Shown]:
    """A protected long with its targets at rest, and the venue as it should be."""
    desk = Desk()
    for target in desk.open(60_000.0):
        desk.accept(target)
    return desk, Shown(desk)


def kinds(said: Sequence[Fact]) -> list[str]:
    return [fact.kind for fact in said if isinstance(fact, Reconciled)]


def test_a_venue_that_agrees_changes_nothing_but_when_it_was_seen() -> None:
    desk, venue = opened()
    before = state_hash(desk.state)
    assert venue.look(3) == []
    assert desk.state.venue_ms == desk.state.now_ms
    desk.state.venue_ms = 0
    desk.state.now_ms = NOON_MS
    assert state_hash(desk.state) == before


def test_what_differs_once_may_be_on_its_way_and_is_left_alone() -> None:
    desk, venue = opened()
    stop = desk.commands("stop")[0]
    kept = venue.orders.pop(stop.order.client_order_id)
    assert venue.look() == []
    venue.orders[kept.client_order_id] = kept
    assert venue.look() == []
    venue.orders.pop(kept.client_order_id)
    assert venue.look() == [], "the two were not in a row"


def test_what_is_heard_of_a_symbol_in_between_makes_it_begin_anew() -> None:
    desk, venue = opened()
    stop = desk.commands("stop")[0]
    del venue.orders[stop.order.client_order_id]
    assert venue.look() == []
    desk.accept(desk.commands("target")[0])
    assert venue.look() == []
    assert kinds(venue.look()) == ["PROTECT"]


def test_a_stop_that_vanished_is_placed_again() -> None:
    desk, venue = opened()
    stop = desk.commands("stop")[0]
    del venue.orders[stop.order.client_order_id]
    said = venue.look(2)
    assert kinds(said) == ["PROTECT"]
    again = desk.commands("stop")[-1]
    assert again.order.trigger_price == stop.order.trigger_price
    assert again.order.qty == venue.qty
    (plan,) = desk.state.plans.values()
    position = desk.state.positions[SYMBOL]
    assert not plan.covers(position)
    desk.accept(again)
    assert plan.covers(position)
    venue.obey(said)
    assert venue.look(3) == []


def test_a_stop_that_vanishes_again_and_again_ends_in_a_close_that_is_said() -> None:
    desk, venue = opened()
    for _ in range(3):
        (name,) = [name for name, one in venue.orders.items() if one.kind == "STOP_MARKET"]
        del venue.orders[name]
        said = venue.look(2)
        for order in [one for one in said if isinstance(one, OrderCommanded)]:
            if order.role == "stop":
                desk.accept(order)
        venue.obey(said)
    (close,) = desk.take(CloseReconciled)
    assert isinstance(close, CloseReconciled)
    assert (close.qty, close.reason) == (venue.qty, "no_stop_accepted")


def test_a_stop_that_the_venue_made_smaller_is_replaced_by_one_for_all() -> None:
    desk, venue = opened()
    stop = desk.commands("stop")[0]
    half = venue.qty / 2
    venue.orders[stop.order.client_order_id] = seen_order(stop, qty=half)
    said = venue.look(2)
    assert kinds(said) == ["PROTECT"]
    assert desk.commands("stop")[-1].order.qty == venue.qty


def test_a_target_that_vanished_is_forgotten() -> None:
    desk, venue = opened()
    target = desk.commands("target")[0]
    del venue.orders[target.order.client_order_id]
    assert kinds(venue.look(2)) == ["FORGET"]
    (plan,) = desk.state.plans.values()
    assert target.order.client_order_id not in plan.targets


def test_targets_for_more_than_there_is_are_taken_back_from_the_farthest() -> None:
    desk, venue = opened()
    near = desk.commands("target")[0]
    venue.orders[near.order.client_order_id] = seen_order(near, qty=venue.qty)
    said = venue.look(2)
    assert kinds(said) == ["SHRINK_EXITS"]
    cancels = [one.client_order_id for one in said if isinstance(one, CancelCommanded)]
    others = [one.order.client_order_id for one in desk.commands("target")[1:]]
    assert sorted(cancels) == sorted(others)


def test_an_order_of_ours_that_belongs_to_nothing_is_canceled_and_a_hands_is_not() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0))
    venue = Shown(desk)
    desk2, _ = opened()
    orphan = seen_order(desk2.commands("stop")[0])
    hands = seen_order(desk2.commands("stop")[0], client_order_id="hand-1")
    venue.orders = {orphan.client_order_id: orphan, "hand-1": hands}
    said = venue.look(2)
    assert kinds(said) == ["CANCEL_ORPHAN"]
    (cancel,) = [one for one in said if isinstance(one, CancelCommanded)]
    assert (cancel.client_order_id, cancel.role) == (orphan.client_order_id, "stop")
    venue.obey(said)
    assert venue.look(3) == []


def test_an_order_whose_cancel_was_lost_is_canceled_again() -> None:
    desk, venue = opened()
    target = desk.commands("target")[0]
    desk.fill(target, target.order.price)
    del venue.orders[target.order.client_order_id]
    venue.qty -= target.order.qty
    moved = desk.commands("stop")[-1]
    desk.accept(moved)
    old = desk.cancels()[-1].client_order_id
    venue.obey([moved])
    assert old in venue.orders
    said = venue.look(2)
    assert kinds(said) == ["CANCEL_ORPHAN"]
    assert [one.client_order_id for one in said if isinstance(one, CancelCommanded)] == [old]


def test_of_two_stops_on_their_way_out_one_stays_when_no_other_is_left() -> None:
    desk, venue = opened()
    target = desk.commands("target")[0]
    desk.fill(target, target.order.price)
    del venue.orders[target.order.client_order_id]
    venue.qty -= target.order.qty
    moved = desk.commands("stop")[-1]
    desk.accept(moved)
    (old,) = desk.cancels()
    desk.cancel(moved, "expired by the venue")
    (plan,) = desk.state.plans.values()
    assert (plan.stop, plan.naked_since_ms is None) == (None, False)
    said = venue.look(2)
    assert "CANCEL_ORPHAN" in kinds(said)
    assert not [one for one in said if isinstance(one, CancelCommanded)]
    assert plan.stop is not None
    assert plan.stop.client_order_id == old.client_order_id


def test_an_order_whose_cancel_was_lost_goes_only_beside_the_stop_that_stays() -> None:
    desk, venue = opened()
    target = desk.commands("target")[0]
    desk.fill(target, target.order.price)
    del venue.orders[target.order.client_order_id]
    venue.qty -= target.order.qty
    moved = desk.commands("stop")[-1]
    desk.accept(moved)
    venue.obey([moved])
    (cancel,) = [one for one in venue.look(2) if isinstance(one, CancelCommanded)]
    assert cancel.stays == moved.order.client_order_id
    desk.withhold(cancel)
    (cancel,) = [one for one in venue.look(2) if isinstance(one, CancelCommanded)]
    assert cancel.stays == moved.order.client_order_id
    desk.withhold(cancel)
    del venue.orders[cancel.client_order_id]
    (plan,) = desk.state.plans.values()
    assert list(plan.kept) == [cancel.client_order_id]
    assert kinds(venue.look(2)) == ["FORGET"]
    assert not plan.kept


def test_an_entry_that_was_never_sent_is_given_up_once_it_may_not_leave_any_more() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    venue = Shown(desk)
    assert venue.look(2) == []
    desk.second(NOON_MS + 61_000)
    said = venue.look(2)
    assert kinds(said) == ["FORGET"]
    (answer,) = desk.take(IntentApplied)
    assert isinstance(answer, IntentApplied)
    assert answer.status == "failed"
    assert len(desk.take(PlanEnded)) == 1


def test_exits_that_were_never_sent_hold_up_no_plan() -> None:
    desk, venue = opened()
    desk.tell(kill("FLATTEN"))
    first = desk.commands("exit")[0]
    desk.hand("SELL", venue.qty, 60_000)
    venue.qty = Decimal(0)
    for order in (*desk.commands("target"), *desk.commands("stop")):
        desk.cancel(order, "position is flat")
        venue.orders.pop(order.order.client_order_id, None)
    assert not desk.take(PlanEnded)
    assert kinds(venue.look(2)) == ["FORGET"]
    assert first.order.client_order_id
    assert len(desk.take(PlanEnded)) == 1


def test_a_position_that_is_not_the_books_puts_its_symbol_in_quarantine_until_it_is() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0))
    venue = Shown(desk)
    venue.qty = Decimal("0.3")
    said = venue.look(2)
    assert kinds(said) == ["QUARANTINE"]
    assert venue.look(2) == [], "it is said once"
    (answer,) = desk.tell(a_candle(60_000.0, NOON_MS + 60_000), an_intent(at_ms=NOON_MS + 60_000))
    assert "not_quarantined" in refused_by(answer)
    venue.qty = Decimal(0)
    assert kinds(venue.look()) == ["RELEASE"]
    assert desk.state.quarantined == {}


def test_a_quarantine_holds_up_no_exit() -> None:
    desk, venue = opened()
    venue.qty *= 2
    venue.look(2)
    assert SYMBOL in desk.state.quarantined
    desk.tell(kill("FLATTEN"))
    assert len(desk.commands("exit")) == 1


def test_a_symbol_with_an_order_long_in_doubt_is_in_quarantine_until_it_is_known() -> None:
    _, venue = opened()
    (said,) = venue.look(doubted=(SYMBOL,))
    assert isinstance(said, Reconciled)
    assert (said.kind, said.why) == ("QUARANTINE", IN_DOUBT)
    assert venue.look(doubted=(SYMBOL,)) == []
    assert kinds(venue.look()) == ["RELEASE"]


def test_what_nobody_owns_is_adopted() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0))
    desk.hand("BUY", "0.1", 60_000)
    desk.state.plans.clear()
    desk.state.plan_of.clear()
    desk.said.clear()
    venue = Shown(desk)
    said = venue.look(2)
    assert kinds(said) == ["ADOPT"]
    (stop,) = desk.commands("stop")
    assert stop.order.qty == Decimal("0.1")


@pytest.mark.parametrize("what", ["leverage", "isolated"])
def test_terms_that_a_hand_changed_hold_up_every_entry_until_they_are_put_back(what: str) -> None:
    desk, venue = opened()
    was = getattr(venue, what)
    setattr(venue, what, 3 if what == "leverage" else False)
    assert kinds(venue.look(2)) == ["ALERT"]
    assert venue.look(2) == []
    later_ms = desk.state.now_ms
    (answer, *_) = desk.tell(an_intent(at_ms=later_ms, symbol="ETHUSDT"))
    assert "venue_as_agreed" in refused_by(answer)
    setattr(venue, what, was)
    assert kinds(venue.look()) == ["RELEASE"]
    assert desk.state.alerts == {}


def test_hedge_mode_is_an_alert_for_the_whole_account() -> None:
    _, venue = opened()
    (said,) = venue.look(hedge_mode=True)
    assert isinstance(said, Reconciled)
    assert (said.kind, said.symbol, said.why) == ("ALERT", "", HEDGE_MODE)
    assert venue.look(hedge_mode=True) == []
    assert kinds(venue.look()) == ["RELEASE"]


def test_while_somebody_else_trades_the_account_no_entry_is_taken_and_nothing_is_an_orphan() -> (
    None
):
    desk, venue = opened()
    desk2, _ = opened()
    theirs = seen_order(desk2.commands("stop")[0], client_order_id="q1S0123456789ABCDEF01234567")
    venue.orders[theirs.client_order_id] = theirs
    shared = {"strangers": (theirs.client_order_id,)}
    assert kinds(venue.look(3, **shared)) == []
    assert theirs.client_order_id in desk.state.alerts[""]
    (answer, *_) = desk.tell(an_intent(at_ms=desk.state.now_ms, symbol="ETHUSDT"))
    assert "venue_as_agreed" in refused_by(answer)
    # What stands is protected as ever.
    del venue.orders[desk.commands("stop")[0].order.client_order_id]
    assert kinds(venue.look(2, **shared)) == ["PROTECT"]
    assert kinds(venue.look()) == ["RELEASE"]
    assert desk.state.alerts == {}


def test_a_symbol_that_is_not_settled_is_not_judged() -> None:
    _, venue = opened()
    venue.orders.clear()
    venue.qty = Decimal(0)
    assert venue.look(5, unsettled=(SYMBOL,)) == []


def test_trades_that_came_to_light_and_fills_that_were_inferred_are_said() -> None:
    desk, venue = opened()
    assert kinds(venue.look(found={SYMBOL: 2})) == ["BOOK_EXTERNAL"]
    said = desk.hand("BUY", "0.1", 60_000, cause="inferred")
    assert kinds(said) == ["BOOK_EXTERNAL"]
    assert any(isinstance(one, OrderFilled) for one in said) is False


names = st.integers(0, 2).map(lambda n: client_order_id("stop", "paper", f"other-{n}", 0, 1))


@settings(max_examples=60)
@given(
    lost=st.sets(st.integers(0, 3)),
    orphans=st.sets(names),
    shrunk=st.booleans(),
    grown=st.booleans(),
)
def test_what_is_done_about_differences_leaves_none(
    lost: set[int], orphans: set[str], shrunk: bool, grown: bool
) -> None:
    desk, venue = opened()
    stop, targets = desk.commands("stop")[0], desk.commands("target")
    mine = [stop, *targets]
    if grown:
        near = targets[0].order.client_order_id
        venue.orders[near] = seen_order(targets[0], qty=venue.qty)
    if shrunk:
        venue.orders[stop.order.client_order_id] = seen_order(stop, qty=venue.qty / 2)
    for number in lost:
        if number < len(mine):
            venue.orders.pop(mine[number].order.client_order_id, None)
    for name in orphans:
        venue.orders[name] = seen_order(stop, client_order_id=name)
    for _ in range(4):
        said = venue.look(2)
        venue.obey(said)
        for fact in said:
            if isinstance(fact, OrderCommanded) and fact.role == "stop":
                desk.accept(fact)
                replaced = desk.cancels()[-1:]
                venue.obey(replaced)
        gone = [one for one in desk.cancels() if one.client_order_id not in venue.orders]
        for cancel in gone:
            for order in (*desk.commands("stop"), *desk.commands("target")):
                if order.order.client_order_id == cancel.client_order_id:
                    desk.cancel(order)
    seen = venue.fact()
    assert differences(belief_of(desk.state, SYMBOL), shown_of(seen, SYMBOL)) == ()
    assert venue.look(3) == []
    (plan,) = desk.state.plans.values()
    assert plan.covers(desk.state.positions[SYMBOL])
