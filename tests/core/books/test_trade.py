"""A trade from flat to flat, by hand and by property."""

from decimal import Decimal
from math import isclose

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.books.trade import OpenTrade, close
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events import PlanMade
from quantum_trader.core.units import Side

prices = st.decimals("1", "1000", places=2)
parts = st.lists(st.tuples(st.decimals("0.01", "10", places=2), prices), min_size=1, max_size=6)


def plan_of(side: Side = "LONG", risk_usd: Decimal = Decimal(10)) -> PlanMade:
    return PlanMade(
        id="f/1",
        at_ms=1,
        trace_id="trace",
        account="main",
        plan_id="p1",
        intent_id="i1",
        symbol="BTCUSDT",
        side=side,
        strategy="trend",
        leverage=5,
        qty=Decimal(2),
        notional_usd=Decimal(200),
        reference_price=Decimal(100),
        stop_price=Decimal(95),
        legs=(),
        risk_usd=risk_usd,
        expires_ms=10,
        hold_max_ms=1000,
    )


def trade_of(side: Side = "LONG", risk_usd: Decimal = Decimal(10)) -> OpenTrade:
    plan = plan_of(side, risk_usd)
    return OpenTrade(plan=plan, confidence=0.7, regime="TREND", opened_ms=1_000)


def test_a_long_by_hand() -> None:
    trade = trade_of()
    trade.enter(Decimal(1), Decimal(100), Decimal("0.05"))
    trade.enter(Decimal(1), Decimal(102), Decimal("0.05"))
    trade.mark(98.0)
    trade.mark(111.0)
    trade.leave(Decimal(1), Decimal(105), Decimal("0.06"))
    trade.stages += 1
    trade.fund(Decimal("-0.5"))
    trade.leave(Decimal(1), Decimal(107), Decimal("0.04"))
    done = close(trade, "f/9", 61_000, "target")
    assert (done.entry_vwap, done.exit_vwap, done.qty) == (Decimal(101), Decimal(106), Decimal(2))
    assert (done.gross_usd, done.fees_usd, done.funding_usd) == (
        Decimal(10),
        Decimal("0.20"),
        Decimal("-0.5"),
    )
    assert done.net_usd == Decimal("9.3")
    assert done.r_net == pytest.approx(0.93)
    assert done.mfe_r == pytest.approx(2.0)
    assert done.mae_r == pytest.approx(-0.6)
    assert (done.hold_ms, done.stages, done.reason) == (60_000, 1, "target")
    assert (done.trace_id, done.account, done.plan_id) == ("trace", "main", "p1")
    assert (done.confidence, done.regime) == (0.7, "TREND")


def test_a_short_earns_on_the_way_down() -> None:
    trade = trade_of("SHORT")
    trade.enter(Decimal(2), Decimal(100), Decimal(0))
    trade.mark(103.0)
    trade.leave(Decimal(2), Decimal(90), Decimal(0))
    done = close(trade, "f/9", 2_000, "exit")
    assert done.gross_usd == 20
    assert done.r_net == pytest.approx(2.0)
    assert done.mfe_r == pytest.approx(2.0)
    assert done.mae_r == pytest.approx(-0.6)


def test_what_is_not_flat_cannot_be_closed() -> None:
    trade = trade_of()
    with pytest.raises(BrokenInvariant, match="p1"):
        close(trade, "f/9", 2_000, "exit")
    trade.enter(Decimal(2), Decimal(100), Decimal(0))
    trade.leave(Decimal(1), Decimal(101), Decimal(0))
    with pytest.raises(BrokenInvariant, match="1 of 2"):
        close(trade, "f/9", 2_000, "exit")


def test_a_trade_without_risk_cannot_be_measured() -> None:
    trade = trade_of(risk_usd=Decimal(0))
    trade.enter(Decimal(1), Decimal(100), Decimal(0))
    trade.leave(Decimal(1), Decimal(100), Decimal(0))
    with pytest.raises(BrokenInvariant, match="risk 0"):
        close(trade, "f/9", 2_000, "exit")


def test_before_the_first_fill_there_is_no_excursion() -> None:
    assert trade_of().excursions_r() == (0.0, 0.0)


@given(parts, prices, st.sampled_from(["LONG", "SHORT"]), st.lists(prices, max_size=5))
def test_the_result_lies_between_the_excursions(
    entries: list[tuple[Decimal, Decimal]], out: Decimal, side: Side, seen: list[Decimal]
) -> None:
    trade = trade_of(side)
    for qty, price in entries:
        trade.enter(qty, price, Decimal(0))
    for price in seen:
        trade.mark(float(price))
    trade.leave(trade.entry_qty, out, Decimal(0))
    done = close(trade, "f/9", 2_000, "exit")
    slack = 1e-9 * (1 + abs(done.mfe_r) + abs(done.mae_r))
    assert done.mae_r <= 0 <= done.mfe_r
    assert done.mae_r - slack <= done.r_net <= done.mfe_r + slack
    spent = sum((qty * price for qty, price in entries), Decimal(0))
    got = trade.entry_qty * out - spent
    assert done.gross_usd == (got if side == "LONG" else -got)


@given(parts, prices, st.integers(2, 50))
def test_r_does_not_depend_on_the_size(
    entries: list[tuple[Decimal, Decimal]], out: Decimal, times: int
) -> None:
    results = []
    for factor in (1, times):
        trade = trade_of("LONG", Decimal(10) * factor)
        for qty, price in entries:
            trade.enter(qty * factor, price, Decimal(0))
        trade.leave(trade.entry_qty, out, Decimal(0))
        results.append(close(trade, "f/9", 2_000, "exit"))
    small, large = results
    assert large.net_usd == times * small.net_usd
    assert isclose(small.r_net, large.r_net)
    assert isclose(small.mfe_r, large.mfe_r, abs_tol=1e-9)
    assert isclose(small.mae_r, large.mae_r, abs_tol=1e-9)


def test_an_open_trade_survives_being_written_and_read() -> None:
    trade = trade_of()
    trade.enter(Decimal("1.5"), Decimal("100.25"), Decimal("0.01"))
    assert msgspec.json.decode(msgspec.json.encode(trade), type=OpenTrade) == trade
