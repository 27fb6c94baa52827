"""The board: what readers see of the books, and that it follows them exactly."""

from decimal import Decimal

import pytest

from quantum_trader.app.board import PROJECTION, REFRESH_MS, Board, Posted, equity_usd, read
from quantum_trader.core.books.position import unrealized_usd
from quantum_trader.core.events import Fact
from quantum_trader.core.state import TraderState
from tests.support import NOON_MS, Desk, a_candle, an_intent


class Wall:
    """The projection as a store would hold it."""

    def __init__(self) -> None:
        self.board = Board()
        self.fields: dict[str, bytes] = {}

    def post(self, state: TraderState, said: list[Fact]) -> Posted:
        """Commit one batch and read the board."""
        for name, value in self.board(state, said).get(PROJECTION, {}).items():
            if value is None:
                self.fields.pop(name, None)
            else:
                self.fields[name] = value
        return read(self.fields)


@pytest.fixture
def desk() -> Desk:
    """A trader with rules."""
    return Desk()


def test_before_the_first_rules_and_the_first_second_there_is_nothing_on_the_board(
    desk: Desk,
) -> None:
    assert Wall().post(TraderState(now_ms=NOON_MS), []) == Posted(None, ())
    assert desk.state.now_ms == 0
    assert Wall().post(desk.state, desk.said) == Posted(None, ())
    desk.second(NOON_MS)
    head = Wall().post(desk.state, desk.said).head
    assert head is not None
    assert (head.at_ms, head.wallet_usd) == (NOON_MS, Decimal(10_000))


def test_a_protected_position_shows_its_stop_targets_and_profit(desk: Desk) -> None:
    desk.open(60_000.0)
    desk.tell(a_candle(60_100.0, NOON_MS + 60_000))
    posted = Wall().post(desk.state, desk.said)
    (held,) = posted.held
    plan = desk.state.plans[desk.state.plan_of["BTCUSDT"]]
    assert plan.stop is not None
    assert held.stop_price == plan.stop.price
    assert held.naked_since_ms is None
    assert [target.leg for target in held.targets] == [1, 2, 3]
    assert held.qty == desk.state.positions["BTCUSDT"].qty
    assert held.unrealized_usd == held.qty * 100
    assert (held.mark, held.mark_ms) == (Decimal(60_100), NOON_MS + 60_000)
    assert held.risk_usd == plan.made.risk_usd


def test_between_the_fill_and_its_stop_the_position_is_shown_naked(desk: Desk) -> None:
    wall = Wall()
    desk.tell(a_candle(60_000.0), an_intent())
    entry = desk.commands("entry")[-1]
    desk.accept(entry)
    said = desk.fill(entry, 60_000)
    (held,) = wall.post(desk.state, said).held
    assert held.stop_price is None
    assert held.stop_sent is not None
    assert held.naked_since_ms is not None
    said = desk.accept(desk.commands("stop")[-1])
    (held,) = wall.post(desk.state, said).held
    assert held.stop_price == desk.commands("stop")[-1].order.trigger_price
    assert held.naked_since_ms is None


def test_what_was_closed_leaves_the_board(desk: Desk) -> None:
    wall = Wall()
    desk.open(60_000.0)
    assert wall.post(desk.state, desk.said).held
    stop = desk.commands("stop")[-1]
    said = desk.fill(stop, stop.order.trigger_price)
    for target in desk.commands("target"):
        said += desk.cancel(target)
    posted = wall.post(desk.state, said)
    assert posted.held == ()
    assert posted.head is not None
    assert posted.head.wallet_usd == desk.state.ledger.wallet_usd


def test_a_board_that_missed_a_batch_is_right_again_within_a_second(desk: Desk) -> None:
    wall = Wall()
    desk.open(60_000.0)
    wall.post(desk.state, desk.said)
    stop = desk.commands("stop")[-1]
    desk.fill(stop, stop.order.trigger_price)
    for target in desk.commands("target"):
        desk.cancel(target)
    wall.board = Board()
    desk.second(desk.state.now_ms + REFRESH_MS)
    assert wall.post(desk.state, []).held == ()


def test_equity_is_wallet_and_open_profit_or_nothing(desk: Desk) -> None:
    desk.open(60_000.0)
    desk.tell(a_candle(59_900.0, NOON_MS + 60_000))
    posted = Wall().post(desk.state, desk.said)
    position = desk.state.positions["BTCUSDT"]
    expected = desk.state.ledger.wallet_usd + unrealized_usd(position, Decimal(59_900))
    assert equity_usd(posted) == expected
    desk.state.markets["BTCUSDT"].mark = None
    assert equity_usd(Wall().post(desk.state, desk.said)) is None
    assert equity_usd(Posted(None, ())) is None
