"""Money facts in the books: corrections, funding, and fills that find what nobody planned."""

from decimal import Decimal

import pytest

from quantum_trader.core.events import FillCorrected, FundingSettled, PlanEnded, TradeClosed
from quantum_trader.core.units import OrderSide
from tests.support import ACCOUNT, NOON_MS, Desk, a_candle, an_intent


def correct(desk: Desk, side: OrderSide, qty: str, price: int, *, assumed: int) -> None:
    """The real trade behind an inferred fill comes: another price, and a fee of half a dollar."""
    desk.tell(
        FillCorrected(
            id=f"{ACCOUNT}:t77",
            at_ms=NOON_MS,
            trace_id="",
            account=ACCOUNT,
            symbol="BTCUSDT",
            trade_id="77",
            replaces="inferred-1",
            side=side,
            qty=Decimal(qty),
            price=Decimal(price),
            inferred_price=Decimal(assumed),
            fee_usd=Decimal("0.5"),
        )
    )


def settle(desk: Desk, payment_usd: str) -> None:
    """The venue moves funding."""
    desk.tell(
        FundingSettled(
            id=f"funding{payment_usd}",
            at_ms=NOON_MS,
            trace_id="",
            account=ACCOUNT,
            symbol="BTCUSDT",
            rate_frac=Decimal("0.0001"),
            mark=Decimal(60_000),
            qty=Decimal("0.050"),
            payment_usd=Decimal(payment_usd),
        )
    )


@pytest.mark.parametrize(
    ("side", "real", "better_usd"),
    [("SELL", 59_900, -2), ("SELL", 60_100, 2), ("BUY", 60_100, -2), ("BUY", 59_900, 2)],
)
def test_an_inferred_fill_is_put_right_by_the_price_and_the_fee_of_the_real_one(
    side: OrderSide, real: int, better_usd: int
) -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.hand(side, "0.020", 60_000, cause="inferred")
    before, position = desk.state.ledger.wallet_usd, desk.state.positions["BTCUSDT"]
    fees_usd = desk.state.trades["BTCUSDT"].fees_usd
    correct(desk, side, "0.020", real, assumed=60_000)
    assert desk.state.ledger.wallet_usd == before + better_usd - Decimal("0.5")
    assert desk.state.trades["BTCUSDT"].fees_usd == fees_usd + Decimal("0.5")
    assert desk.state.positions["BTCUSDT"] == position, "the position was right already"


def test_the_money_of_a_fill_whose_trade_is_closed_is_put_right_all_the_same() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.hand("SELL", "0.050", 60_000, cause="inferred")
    before = desk.state.ledger.wallet_usd
    correct(desk, "SELL", "0.050", 59_900, assumed=60_000)
    assert desk.state.ledger.wallet_usd == before - 5 - Decimal("0.5")
    assert not desk.state.trades


def test_funding_is_in_the_wallet_and_in_the_trade_that_paid_it() -> None:
    desk = Desk()
    desk.open(60_000.0)
    before = desk.state.ledger.wallet_usd
    for payment_usd in ("-0.30", "0", "0.10"):
        settle(desk, payment_usd)
    assert desk.state.ledger.wallet_usd == before - Decimal("0.20")
    desk.hand("SELL", "0.050", 60_000)
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    assert closed.funding_usd == Decimal("-0.20")
    assert closed.net_usd == closed.gross_usd - closed.fees_usd - Decimal("0.20")


def test_funding_of_a_symbol_that_nobody_holds_is_in_the_wallet_alone() -> None:
    desk = Desk()
    settle(desk, "-0.30")
    assert desk.state.ledger.wallet_usd == Decimal("9999.70")
    assert not desk.state.trades


def test_an_entry_that_only_lessens_what_a_hand_sold_begins_no_trade_and_the_rest_is_closed() -> (
    None
):
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    desk.hand("SELL", "0.080", 60_000)
    desk.fill(entry, 60_000)
    assert not desk.state.trades
    (leave,) = desk.commands("exit")
    assert (leave.order.side, leave.order.qty) == ("BUY", Decimal("0.030"))
    assert leave.order.reduce_only
    desk.fill(leave, 60_000)
    for stop in desk.commands("stop"):
        desk.cancel(stop, "position is flat")
    assert not desk.state.positions
    assert not desk.take(TradeClosed)
    assert len(desk.take(PlanEnded)) == 1
