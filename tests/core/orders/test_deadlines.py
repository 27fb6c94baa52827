"""What time alone decides is done with the first price after it, not only when a second passes."""

from decimal import Decimal

from quantum_trader.core.events import Tick
from tests.support import NOON_MS, Desk, a_candle, an_intent


def trade_at(desk: Desk, at_ms: int) -> None:
    """Somebody trades at the market, at the price at which we entered."""
    desk.tell(
        Tick(
            id=f"tick:{at_ms}",
            at_ms=at_ms,
            symbol="BTCUSDT",
            source="recorded",
            price=60_000.0,
            qty=0.001,
        )
    )


def test_a_position_that_stands_too_long_without_a_stop_is_closed_by_a_price_alone() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    trade_at(desk, NOON_MS + 3_000)
    assert not desk.commands("exit")
    trade_at(desk, NOON_MS + 3_001)
    (leave,) = desk.commands("exit")
    assert (leave.order.qty, leave.reason) == (Decimal("0.050"), "unprotected")


def test_what_still_rests_when_the_position_is_gone_is_canceled_by_a_price_alone() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.fill(desk.commands("stop")[0], 59_500)
    trade_at(desk, NOON_MS + 999)
    assert not desk.cancels(), "the venue ends them by itself"
    trade_at(desk, NOON_MS + 1_000)
    assert {one.client_order_id for one in desk.cancels()} == {
        target.order.client_order_id for target in desk.commands("target")
    }
    trade_at(desk, NOON_MS + 2_000)
    assert len(desk.cancels()) == 3, "each is canceled once"


def test_an_entry_under_way_leaves_time_nothing_to_decide() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    trade_at(desk, NOON_MS + 30_000)
    assert not desk.commands("exit")
    assert not desk.cancels()
