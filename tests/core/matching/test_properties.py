"""What holds whatever anybody does and wherever the price goes."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.events import MarketFact
from quantum_trader.core.events.orders import OrderKind, OrderRequest
from quantum_trader.core.matching.advance import advance
from quantum_trader.core.matching.desk import Desk, open_desk
from quantum_trader.core.matching.orders import cancel, configure, place
from quantum_trader.core.matching.rules import Intrabar, MarginMode, MatchingRules
from quantum_trader.core.matching.state import VenueState
from quantum_trader.core.units import OrderSide, signed_qty
from quantum_trader.core.venue import VenueFill
from tests.core.matching.making import (
    MINUTE_MS,
    SYMBOL,
    a_desk,
    candle,
    d,
    fees_and_funding_usd,
    funding,
    mark,
    market,
    order,
    rules,
    tick,
)

Action = tuple[str, float, float, int]
KINDS: tuple[OrderKind, ...] = ("MARKET", "LIMIT", "STOP_MARKET", "TAKE_PROFIT_MARKET")
# What is done, two numbers from -1 to 1 that shape it, and a choice.
ACTIONS = st.tuples(
    st.sampled_from(
        ["place", "place", "place", "cancel", "candle", "candle", "tick", "mark", "fund"]
    ),
    st.floats(-1, 1),
    st.floats(-1, 1),
    st.integers(0, 15),
)
RULES = st.builds(
    lambda mode, first, ticks: rules(
        margin_mode=mode, intrabar=first, slippage_ticks=ticks, deposit_usd=d(2_000)
    ),
    st.sampled_from(["isolated", "cross"]),
    st.sampled_from(["stop_first", "target_first"]),
    st.integers(0, 3),
)


def an_order(number: int, action: Action, price: float) -> OrderRequest:
    """An order near the price, from what Hypothesis drew."""
    _, where, size, choice = action
    side: OrderSide = "BUY" if choice % 2 else "SELL"
    at = f"{max(price * (1 + 0.1 * where), 0.5):.1f}"
    qty = f"{0.1 + abs(size) * 150:.2f}"
    kind = KINDS[choice // 2 % 4]
    return order(
        f"o{number}", side, kind, qty, None if kind == "MARKET" else at, reduce_only=choice >= 8
    )


def a_fact(number: int, action: Action, price: float) -> MarketFact:
    """A market fact near the price, from what Hypothesis drew."""
    what, where, size, choice = action
    to = max(round(price * (1 + 0.3 * where), 1), 1.0)
    at_ms = (number + 1) * MINUTE_MS
    if what == "candle":
        high = max(price, to) * (1 + abs(size) * 0.2)
        low = min(price, to) * (1 - abs(size) * 0.2)
        gap = price if choice % 4 else to
        return candle(number + 1, (gap, high, low, to))
    if what == "tick":
        return tick(at_ms + 30_000, to)
    if what == "mark":
        return mark(at_ms + 31_000, to)
    return funding(at_ms + 32_000, f"{size * 0.01:.6f}")


def act(desk: Desk, number: int, action: Action) -> None:
    """Do one thing to the venue."""
    price = market(desk).last or 100.0
    if action[0] == "place":
        place(desk, an_order(number, action, price))
    elif action[0] == "cancel":
        names = [one.request.client_order_id for one in market(desk).orders]
        cancel(desk, SYMBOL, names[action[3] % len(names)] if names else "nobody")
    else:
        advance(desk, a_fact(number, action, price))


def run(venue_rules: MatchingRules, actions: list[Action]) -> Desk:
    """Open an account and do everything in order."""
    desk = open_desk(venue_rules)
    configure(desk, SYMBOL, 20)
    advance(desk, candle(0, (100.0, 100.0, 100.0, 100.0)))
    for number, action in enumerate(actions):
        act(desk, number, action)
    return desk


def booked_usd(desk: Desk) -> Decimal:
    """The wallet as it must be: cash of all trades, with what is still held at its cost."""
    cash = d(0)
    for one in desk.updates:
        if isinstance(one, VenueFill):
            cash -= signed_qty(one.side, one.qty) * one.price
    held = market(desk).position
    at_cost = held.cost_usd if held.qty > 0 else -held.cost_usd
    return desk.rules.deposit_usd + cash + at_cost + fees_and_funding_usd(desk)


@given(RULES, st.lists(ACTIONS, max_size=40))
def test_money_is_neither_made_nor_lost(venue_rules: MatchingRules, actions: list[Action]) -> None:
    desk = run(venue_rules, actions)
    assert abs(desk.state.wallet_usd - booked_usd(desk)) <= d("0.00000001") * len(actions)


@given(RULES, st.lists(ACTIONS, max_size=40))
def test_the_isolated_wallet_is_never_negative(
    venue_rules: MatchingRules, actions: list[Action]
) -> None:
    desk = open_desk(venue_rules)
    configure(desk, SYMBOL, 20)
    advance(desk, candle(0, (100.0, 100.0, 100.0, 100.0)))
    for number, action in enumerate(actions):
        act(desk, number, action)
        assert market(desk).isolated_usd >= 0
        assert market(desk).position.qty or not market(desk).isolated_usd


@given(RULES, st.lists(ACTIONS, max_size=40))
def test_reduce_only_reduces_and_fills_stay_within_their_orders(
    venue_rules: MatchingRules, actions: list[Action]
) -> None:
    requests = {f"o{n}": an_order(n, action, 100.0) for n, action in enumerate(actions)}
    held = d(0)
    for one in run(venue_rules, actions).updates:
        if not isinstance(one, VenueFill):
            continue
        after = held + signed_qty(one.side, one.qty)
        request = requests.get(one.client_order_id)
        if one.cause == "liquidation":
            assert after == 0
        else:
            assert request is not None
            assert 0 < one.qty <= request.qty
            if request.reduce_only:
                assert abs(after) < abs(held)
                assert after * held >= 0
        held = after


@given(RULES, st.lists(ACTIONS, max_size=40))
def test_reports_are_numbered_without_a_gap_and_every_order_ends_once(
    venue_rules: MatchingRules, actions: list[Action]
) -> None:
    desk = run(venue_rules, actions)
    assert [one.seq for one in desk.updates] == list(range(1, len(desk.updates) + 1))
    times = [one.at_ms for one in desk.updates]
    assert times == sorted(times)
    trades = [one.trade_id for one in desk.updates if isinstance(one, VenueFill)]
    assert len(trades) == len(set(trades))
    ended = [one.client_order_id for one in desk.ended]
    still_open = [one.request.client_order_id for one in market(desk).orders]
    assert len(ended + still_open) == len(set(ended + still_open)) == desk.state.placed


@given(RULES, st.lists(ACTIONS, max_size=40), st.integers(0, 40))
def test_the_same_inputs_leave_the_same_state_also_through_a_file(
    venue_rules: MatchingRules, actions: list[Action], pause_at: int
) -> None:
    whole = run(venue_rules, actions)
    first = run(venue_rules, actions[:pause_at])
    state = msgspec.json.decode(msgspec.json.encode(first.state), type=VenueState)
    desk = Desk(venue_rules, state, first.updates, first.ended)
    for number, action in enumerate(actions[pause_at:], len(actions[:pause_at])):
        act(desk, number, action)
    assert msgspec.json.encode(desk.state) == msgspec.json.encode(whole.state)
    assert desk.updates == whole.updates


@given(st.sampled_from(["stop_first", "target_first"]), st.floats(0.2, 3), st.integers(2, 20))
def test_no_gap_costs_more_than_the_isolated_wallet(
    intrabar: Intrabar, jump: float, leverage: int
) -> None:
    desk = a_desk(leverage=leverage, intrabar=intrabar)
    place(desk, order("entry", "BUY", "MARKET", "10"))
    before_usd, isolated_usd = desk.state.wallet_usd, market(desk).isolated_usd
    to = 100.0 * jump
    advance(desk, candle(1, (to, to, to, to)))
    assert before_usd - desk.state.wallet_usd <= isolated_usd


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_a_round_trip_at_one_price_costs_its_fees(mode: MarginMode) -> None:
    desk = a_desk(margin_mode=mode)
    place(desk, order("in", "BUY", "MARKET", "10"))
    place(desk, order("out", "SELL", "MARKET", "10", reduce_only=True))
    assert desk.state.wallet_usd == d(10_000) - 2 * d("0.4")
