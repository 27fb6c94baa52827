"""Numbers for reports, against numbers by hand."""

from decimal import Decimal
from math import sqrt
from statistics import mean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.books.performance import (
    DAY_MS,
    daily_returns,
    exposure_frac,
    max_drawdown_frac,
    measure,
    profit_factor,
    sharpe,
    sortino,
)
from quantum_trader.core.errors import Malformed
from quantum_trader.core.events import TradeClosed

spans_ms = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 50)), max_size=8)


def trade_of(net: str, reason: str, opened_ms: int, closed_ms: int) -> TradeClosed:
    return TradeClosed(
        id="f",
        at_ms=closed_ms,
        trace_id="t",
        account="main",
        plan_id="p",
        intent_id="i",
        symbol="BTCUSDT",
        side="LONG",
        strategy="s",
        leverage=1,
        qty=Decimal(1),
        entry_vwap=Decimal(100),
        exit_vwap=Decimal(100),
        opened_ms=opened_ms,
        closed_ms=closed_ms,
        hold_ms=closed_ms - opened_ms,
        gross_usd=Decimal(net) + 1,
        fees_usd=Decimal(1),
        funding_usd=Decimal(0),
        net_usd=Decimal(net),
        risk_usd=Decimal(10),
        r_net=float(net) / 10,
        mfe_r=0.0,
        mae_r=0.0,
        reason=reason,
        stages=0,
        confidence=None,
        regime=None,
    )


def test_a_run_by_hand() -> None:
    trades = [
        trade_of("30", "target", 0, DAY_MS),
        trade_of("-10", "stop", DAY_MS, 2 * DAY_MS),
        trade_of("-5", "stop", DAY_MS, 2 * DAY_MS),
    ]
    at_ms = [0, DAY_MS, 2 * DAY_MS, 4 * DAY_MS]
    found = measure(at_ms, [100.0, 130.0, 115.0, 115.0], trades)
    assert (found.net_usd, found.trades) == (15.0, 3)
    assert found.return_frac == pytest.approx(0.15)
    assert found.max_drawdown_frac == pytest.approx(15 / 130)
    assert found.profit_factor == 2.0
    assert found.win_rate_frac == pytest.approx(1 / 3)
    assert found.r_mean == pytest.approx(0.5)
    assert found.fees_usd == 3
    assert found.exposure_frac == 0.5
    assert found.exits_by_reason == {"stop": 2, "target": 1}
    days = [0.0, 0.3, 115 / 130 - 1, 0.0, 0.0]
    assert found.sharpe == pytest.approx(mean(days) / stdev(days) * sqrt(365))
    downside = sqrt((115 / 130 - 1) ** 2 / 5)
    assert found.sortino == pytest.approx(mean(days) / downside * sqrt(365))


def test_what_is_not_defined_is_none() -> None:
    found = measure([0], [100.0], [])
    assert found.sharpe is found.sortino is found.profit_factor is None
    assert found.win_rate_frac is found.r_mean is found.exposure_frac is None
    assert (found.net_usd, found.max_drawdown_frac, found.exits_by_reason) == (0.0, 0.0, {})


def test_a_trade_that_is_still_open_counts_as_exposure() -> None:
    assert measure([0, 100], [10.0, 10.0], [], open_since_ms=[75]).exposure_frac == 0.25


@pytest.mark.parametrize(("at_ms", "equity"), [([], []), ([1], [0.0]), ([1, 2], [1.0])])
def test_a_curve_that_cannot_be_measured_is_refused(at_ms: list[int], equity: list[float]) -> None:
    with pytest.raises(Malformed, match="equity"):
        measure(at_ms, equity, [])


def test_a_day_is_as_good_as_its_last_sample() -> None:
    at_ms = np.array([0, 1, DAY_MS - 1, DAY_MS, 3 * DAY_MS])
    daily = daily_returns(at_ms, np.array([100.0, 500.0, 110.0, 121.0, 60.5]))
    assert daily == pytest.approx([0.1, 0.1, 0.0, -0.5])


def test_ruin_has_no_ratio() -> None:
    found = measure([0, DAY_MS, 2 * DAY_MS], [100.0, -5.0, 10.0], [])
    assert found.sharpe is found.sortino is None
    assert found.max_drawdown_frac == pytest.approx(1.05)


def test_a_flat_curve_has_no_ratio_and_a_rising_one_no_sortino() -> None:
    assert sharpe(np.zeros(5)) is None
    assert sortino(np.array([0.1, 0.2])) is None
    assert sharpe(np.array([0.1])) is None
    assert sortino(np.array([-0.1])) is None


def test_without_losers_there_is_no_profit_factor() -> None:
    assert profit_factor([Decimal(1), Decimal(0)]) is None
    assert profit_factor([Decimal(-2)]) == 0.0


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=30), st.floats(0.01, 100))
def test_drawdown_is_a_fraction_and_does_not_know_the_size_of_the_account(
    equity: list[float], factor: float
) -> None:
    curve = np.array(equity)
    fall = max_drawdown_frac(curve)
    worst = max((1 - low / high for i, high in enumerate(equity) for low in equity[i:]))
    assert 0 <= fall < 1
    assert fall == pytest.approx(worst)
    assert max_drawdown_frac(curve * factor) == pytest.approx(fall)


@given(spans_ms)
def test_exposure_counts_every_moment_once(many: list[tuple[int, int]]) -> None:
    spans = [(opened, opened + held) for opened, held in many]
    busy = sum(any(opened <= ms < closed for opened, closed in spans) for ms in range(20, 120))
    assert exposure_frac(spans, 20, 120) == pytest.approx(busy / 100)
