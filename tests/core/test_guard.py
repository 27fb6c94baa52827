"""The guard: what it does about an account, checked by hand, and that it can only reduce."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.cover import covered_qty
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.events.orders import OrderKind, OrderRequest
from quantum_trader.core.guard import Act, Guard, Outcome, Reduction, Withdrawal
from quantum_trader.core.kill_level import LEVELS
from quantum_trader.core.orders.guardian_ids import guardian_order_id, is_guardians
from quantum_trader.core.orders.ids import client_order_id, is_ours
from quantum_trader.core.units import OrderSide
from quantum_trader.core.venue import RestingOrder, VenueAccount, VenuePosition

SYMBOL = "BTCUSDT"
OUR_STOP = guardian_order_id(SYMBOL, 1)


def held(qty: object, mark: object = 60_000, liquidation: object = None) -> VenuePosition:
    """A position at its mark."""
    level = None if liquidation is None else Decimal(str(liquidation))
    return VenuePosition(
        symbol=SYMBOL,
        qty=Decimal(str(qty)),
        entry_price=Decimal(str(mark)),
        mark=Decimal(str(mark)),
        unrealized_usd=Decimal(0),
        isolated_wallet_usd=Decimal(0),
        liquidation_price=level,
        leverage=10,
        isolated=True,
    )


def rests(
    qty: object, trigger: object, side: OrderSide = "SELL", kind: OrderKind = "STOP_MARKET"
) -> RestingOrder:
    """A reduce-only order of somebody at rest."""
    order = OrderRequest(
        client_order_id=f"hand-{qty}-{trigger}",
        symbol=SYMBOL,
        side=side,
        kind=kind,
        qty=Decimal(str(qty)),
        price=None,
        trigger_price=Decimal(str(trigger)),
        reduce_only=True,
    )
    return RestingOrder(order=order, venue_order_id="1", filled_qty=Decimal(0))


def changed(resting: RestingOrder, **fields: object) -> RestingOrder:
    """The same order with something else in it."""
    return msgspec.structs.replace(resting, order=msgspec.structs.replace(resting.order, **fields))


def account(
    positions: Sequence[VenuePosition] = (), orders: Sequence[RestingOrder] = ()
) -> VenueAccount:
    """What the venue shows."""
    return VenueAccount(
        at_ms=1,
        wallet_usd=Decimal(1_000),
        positions=tuple(positions),
        open_orders=tuple(orders),
        hedge_mode=False,
    )


def only(acts: Sequence[Act]) -> Reduction:
    """The one reduction among what is to be done."""
    assert len(acts) == 1
    assert isinstance(acts[0], Reduction)
    return acts[0]


def a_guard() -> Guard:
    """A guard that knows the usual grids."""
    return Guard(filters=DEFAULT_INSTRUMENTS)


def test_a_position_without_a_stop_gets_one_when_the_grace_is_over_and_not_before() -> None:
    guard, seen = a_guard(), account([held("0.5", liquidation=54_000)])
    assert guard.look(seen, "RUN", 1_000) == []
    assert guard.bare == [SYMBOL]
    assert guard.look(seen, "RUN", 5_999) == []
    stop = only(guard.look(seen, "RUN", 6_000))
    # 4 % of the mark is 2,400, half of the way to the liquidation 3,000: the nearer one counts.
    assert stop.trigger_price == Decimal("57600.0")
    order = stop.request("x")
    assert (order.side, order.kind, order.qty) == ("SELL", "STOP_MARKET", Decimal(0))
    assert order.reduce_only
    assert order.close_position


def test_a_stop_lies_inside_a_near_liquidation() -> None:
    guard = a_guard()
    short = account([held("-0.5", liquidation=60_900)])
    guard.look(short, "RUN", 0)
    stop = only(guard.look(short, "RUN", 5_000))
    assert (stop.side, stop.trigger_price) == ("BUY", Decimal("60450.0"))


def test_where_no_price_fits_before_the_liquidation_the_position_is_closed() -> None:
    guard, seen = a_guard(), account([held("0.5", liquidation="59999.95")])
    guard.look(seen, "RUN", 0)
    close = only(guard.look(seen, "RUN", 5_000))
    assert (close.trigger_price, close.qty) == (None, Decimal("0.5"))
    assert close.request("x").kind == "MARKET"


def test_what_is_covered_is_left_alone_and_the_grace_begins_anew() -> None:
    guard, bare = a_guard(), account([held("0.5")])
    covered = account([held("0.5")], [rests("0.5", 59_000)])
    assert guard.look(bare, "RUN", 0) == []
    assert guard.look(covered, "RUN", 4_000) == []
    assert guard.look(bare, "RUN", 6_000) == []
    assert guard.look(bare, "RUN", 10_999) == []
    assert only(guard.look(bare, "RUN", 11_000)).trigger_price == Decimal("57600.0")


def test_only_stops_that_reduce_before_the_liquidation_count() -> None:
    long = held("0.5", liquidation=54_000)
    good = rests("0.5", 59_000)
    assert covered_qty(long, [good]) == Decimal("0.5")
    assert covered_qty(long, [changed(good, qty=Decimal(0), close_position=True)]) == Decimal("0.5")
    assert covered_qty(long, [rests("0.2", 59_000), rests("0.2", 58_000)]) == Decimal("0.4")
    assert covered_qty(long, [good, good]) == Decimal("0.5")
    half = msgspec.structs.replace(good, filled_qty=Decimal("0.3"))
    assert covered_qty(long, [half]) == Decimal("0.2")
    for wrong in (
        rests("0.5", 54_000),
        rests("0.5", 61_000, side="BUY"),
        rests("0.5", 65_000, kind="TAKE_PROFIT_MARKET"),
        changed(good, reduce_only=False),
        changed(good, symbol="ETHUSDT"),
    ):
        assert covered_qty(long, [wrong]) == 0, wrong
    short = held("-0.5", liquidation=66_000)
    assert covered_qty(short, [rests("0.5", 61_000, side="BUY")]) == Decimal("0.5")
    assert covered_qty(short, [rests("0.5", 66_000, side="BUY")]) == 0


def test_a_refused_stop_is_tried_with_its_quantity_and_then_the_position_is_closed() -> None:
    guard = a_guard()
    seen = account([held("0.5")], [rests("0.2", 59_000)])
    guard.look(seen, "RUN", 0)
    first = only(guard.look(seen, "RUN", 5_000))
    assert first.qty is None
    guard.told(first, "refused", -4130, 5_000)
    second = only(guard.look(seen, "RUN", 7_000))
    assert (second.qty, second.trigger_price) == (Decimal("0.300"), Decimal("57600.0"))
    guard.told(second, "refused", -2019, 7_000)
    third = only(guard.look(seen, "RUN", 9_000))
    assert (third.qty, third.trigger_price) == (Decimal("0.500"), None)


def test_a_stop_that_the_market_has_passed_is_not_tried_again() -> None:
    guard, seen = a_guard(), account([held("0.5")])
    guard.look(seen, "RUN", 0)
    guard.told(only(guard.look(seen, "RUN", 5_000)), "refused", -2021, 5_000)
    assert only(guard.look(seen, "RUN", 5_001)).trigger_price is None


@pytest.mark.parametrize(("outcome", "again_ms"), [("done", 9_000), ("unknown", 9_000)])
def test_after_an_order_that_may_stand_the_symbol_is_left_alone(
    outcome: Outcome, again_ms: int
) -> None:
    guard, seen = a_guard(), account([held("0.5")])
    guard.look(seen, "RUN", 0)
    guard.told(only(guard.look(seen, "RUN", 5_000)), outcome, 0, 5_000)
    assert guard.look(seen, "RUN", again_ms - 1) == []
    assert only(guard.look(seen, "RUN", again_ms)).qty is None


def test_what_never_left_is_tried_again_at_once() -> None:
    guard, seen = a_guard(), account([held("0.5")])
    guard.look(seen, "RUN", 0)
    guard.told(only(guard.look(seen, "RUN", 5_000)), "not_sent", 0, 5_000)
    assert only(guard.look(seen, "RUN", 5_001)).qty is None


def test_our_stop_goes_when_others_cover_the_position_for_the_grace() -> None:
    guard = a_guard()
    ours = changed(rests("0.5", 57_600), client_order_id=OUR_STOP)
    seen = account([held("0.5")], [ours, rests("0.5", 59_000)])
    assert guard.look(seen, "RUN", 0) == []
    assert guard.look(account([held("0.5")], [ours]), "RUN", 4_000) == []
    assert guard.look(seen, "RUN", 6_000) == []
    gone = guard.look(seen, "RUN", 11_000)
    assert [(one.symbol, getattr(one, "client_order_id", None)) for one in gone] == [
        (SYMBOL, OUR_STOP)
    ]


@pytest.mark.parametrize("qty", [0, "-0.5"])
def test_our_stop_goes_at_once_when_nothing_is_held_or_the_side_has_changed(qty: object) -> None:
    ours = changed(rests("0.5", 57_600), client_order_id=OUR_STOP)
    acts = a_guard().look(account([held(qty)], [ours]), "RUN", 0)
    assert [type(act) for act in acts] == [Withdrawal]


def test_orders_of_others_are_never_touched_while_it_runs_or_is_halted() -> None:
    orders = [rests("0.5", 59_000), changed(rests("0.5", 61_000, side="BUY"), reduce_only=False)]
    levels: tuple[KillLevel, ...] = ("RUN", "HALT")
    for level in levels:
        guard = a_guard()
        for now_ms in (0, 60_000):
            assert guard.look(account([], orders), level, now_ms) == []


def test_flatten_closes_all_and_takes_back_what_would_open_after_the_grace() -> None:
    guard = a_guard()
    entry = changed(rests("0.5", 61_000, side="BUY"), reduce_only=False)
    seen = account([held("0.5")], [rests("0.5", 59_000), entry])
    assert guard.look(seen, "FLATTEN", 0) == []
    assert guard.next_look_ms(4_000) == 5_000
    taken_back, close = guard.look(seen, "FLATTEN", 5_000)
    assert isinstance(taken_back, Withdrawal)
    assert taken_back.client_order_id == entry.order.client_order_id
    assert only([close]).request("x").kind == "MARKET"
    guard.told(close, "done", 0, 5_000)
    assert [type(act) for act in guard.look(seen, "FLATTEN", 8_999)] == [Withdrawal]
    assert len(guard.look(seen, "FLATTEN", 9_000)) == 2
    assert guard.look(seen, "RUN", 20_000) == []


def test_more_than_one_order_may_have_is_closed_in_parts() -> None:
    largest = DEFAULT_INSTRUMENTS[SYMBOL].market_qty_max
    guard, seen = a_guard(), account([held(largest * 3)])
    guard.look(seen, "FLATTEN", 0)
    assert only(guard.look(seen, "FLATTEN", 5_000)).qty == largest


def test_a_symbol_whose_grid_nobody_told_gets_a_coarse_price() -> None:
    guard, seen = Guard(), account([held(7, mark="0.123456789")])
    guard.look(seen, "RUN", 0)
    assert only(guard.look(seen, "RUN", 5_000)).trigger_price == Decimal("0.1185")


def test_names_of_the_guardian_are_its_own() -> None:
    assert is_guardians(OUR_STOP)
    assert not is_ours(OUR_STOP)
    assert len(OUR_STOP) == 27
    assert not is_guardians(client_order_id("stop", "paper", "p", 0, 1))
    assert guardian_order_id(SYMBOL, 2) != OUR_STOP != guardian_order_id("ETHUSDT", 1)


quantities = st.decimals("0.001", "1000", places=3)
signed = st.tuples(quantities, st.sampled_from([1, -1])).map(lambda pair: pair[0] * pair[1])
prices = st.decimals("0.01", "100000", places=2)


@given(signed, st.none() | quantities, st.none() | prices)
def test_a_reduction_can_only_reduce(
    qty: Decimal, part: Decimal | None, trigger: Decimal | None
) -> None:
    try:
        act = Reduction(symbol=SYMBOL, held=qty, qty=part, trigger_price=trigger, why="")
    except ValueError:
        assert (part is None and trigger is None) or (part is not None and part > abs(qty))
        return
    order = act.request("x")
    assert order.reduce_only
    assert (order.side == "SELL") == (qty > 0)
    assert order.close_position == (order.qty == 0)
    assert order.qty <= abs(qty)
    assert order.price is None


@pytest.mark.parametrize("qty", ["0", "-0.1"])
def test_nothing_can_be_reduced_by_nothing(qty: str) -> None:
    with pytest.raises(ValueError, match="reduced"):
        Reduction(symbol=SYMBOL, held=Decimal(1), qty=Decimal(qty), trigger_price=None, why="")
    with pytest.raises(ValueError, match="nothing is held"):
        Reduction(symbol=SYMBOL, held=Decimal(0), qty=None, trigger_price=Decimal(1), why="")


@given(
    signed,
    prices,
    st.none() | prices,
    st.lists(st.tuples(quantities, prices, st.booleans()), max_size=4),
    st.sampled_from(LEVELS),
)
def test_whatever_the_account_looks_like_the_guard_only_reduces_within_its_bounds(
    qty: Decimal,
    mark: Decimal,
    liquidation: Decimal | None,
    stops: list[tuple[Decimal, Decimal, bool]],
    level: KillLevel,
) -> None:
    position = held(qty, mark, liquidation)
    orders = [rests(size, at, "SELL" if sells else "BUY") for size, at, sells in stops]
    guard, seen = Guard(), account([position], orders)
    for now_ms in (0, 5_000, 10_000):
        for act in guard.look(seen, level, now_ms):
            order = only([act]).request("x")
            assert order.reduce_only
            assert (order.side == "SELL") == (qty > 0)
            trigger = order.trigger_price
            if trigger is not None:
                assert (trigger < mark) == (qty > 0)
                assert trigger > 0
            guard.told(act, "refused", -1, now_ms)
