"""The report's numbers and pictures: nothing invented, nothing that matters thinned away."""

import json
from collections import Counter
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.app.bench.replay_speed import replay_walk
from quantum_trader.app.bench.walk import walk
from quantum_trader.app.replay import ReplayResult
from quantum_trader.app.report import charts, words
from quantum_trader.app.report.page import draw, render
from quantum_trader.app.report.periods import periods
from quantum_trader.app.report.summary import Setup, summarise
from quantum_trader.app.report.thinning import Bars, between, coarser, extremes, holes, step_for
from quantum_trader.app.report.tiles import proof_tiles, result_tiles
from quantum_trader.app.report.trades import TRADES_MAX, shown
from quantum_trader.app.story.exits import ExitFact, sentence
from quantum_trader.core.events import (
    CandleClosed,
    ExitDecided,
    ExitPlanned,
    KillScored,
    TradeClosed,
)
from tests.app.exit_facts import decided, planned, scored
from tests.support import MINUTE_MS, NOON_MS, a_candle, some_rules

DAY_MS = 86_400_000
MIDNIGHT_MS = NOON_MS - 12 * 3_600_000
PAGE_BYTES_MAX = 8_000_000


def a_trade(number: int, net: str, closed_ms: int, **changes: object) -> TradeClosed:
    """A trade of 25 minutes with 20 USDT at risk and one of fees."""
    net_usd = Decimal(net)
    trade = TradeClosed(
        id=f"t{number}",
        at_ms=closed_ms,
        trace_id=f"i{number}",
        account="replay",
        plan_id=f"p{number}",
        intent_id=f"i{number}",
        symbol="BTCUSDT",
        side="LONG",
        strategy="ema_cross",
        leverage=10,
        qty=Decimal("0.05"),
        entry_vwap=Decimal(60_000),
        exit_vwap=Decimal(60_000) + (net_usd + 1) * 20,
        opened_ms=closed_ms - 25 * MINUTE_MS,
        closed_ms=closed_ms,
        hold_ms=25 * MINUTE_MS,
        gross_usd=net_usd + 1,
        fees_usd=Decimal(1),
        funding_usd=Decimal(0),
        net_usd=net_usd,
        risk_usd=Decimal(20),
        r_net=float(net_usd / 20),
        mfe_r=1.0,
        mae_r=-1.0,
        reason="targets" if net_usd > 0 else "stop_loss",
        stages=0,
        confidence=None,
        regime=None,
    )
    return msgspec.structs.replace(trade, **changes)


def a_result(
    trades: list[TradeClosed], bars: int = 600, first_ms: int = MIDNIGHT_MS
) -> ReplayResult:
    """Flat minutes from midnight, and an equity that moves when a trade closes."""
    candles = [a_candle(60_000.0, first_ms + MINUTE_MS * number) for number in range(1, bars + 1)]
    equity_usd, left, curve = Decimal(10_000), sorted(trades, key=lambda one: one.closed_ms), []
    for candle in candles:
        while left and left[0].closed_ms <= candle.at_ms:
            equity_usd += left.pop(0).net_usd
        curve.append((candle.at_ms, equity_usd))
    return ReplayResult(
        bars=bars,
        seconds=0.5,
        first_ms=first_ms,
        last_ms=candles[-1].at_ms,
        exposed_bars=100,
        deposit_usd=Decimal(10_000),
        equity=curve,
        candles={"BTCUSDT": candles},
        trades=trades,
        refusals=Counter(fresh=2),
        state_hash="ab" * 32,
    )


def a_setup(**changes: object) -> Setup:
    """One symbol by the default rules."""
    setup = Setup(
        model="ema_cross",
        rules=some_rules(),
        intervals_ms={"BTCUSDT": MINUTE_MS},
        funded=("BTCUSDT",),
        source="recorded",
    )
    return msgspec.structs.replace(setup, **changes)


TOLD: tuple[ExitFact, ExitFact] = (decided(), scored(1))

TWO = [
    a_trade(1, "30", MIDNIGHT_MS + 60 * MINUTE_MS),
    a_trade(2, "-20", MIDNIGHT_MS + 120 * MINUTE_MS),
]


def test_the_summary_adds_up() -> None:
    told = summarise(a_result(TWO), a_setup())
    assert told.net_usd == Decimal(10)
    assert told.return_frac == pytest.approx(0.001)
    assert told.max_drawdown_frac == pytest.approx(20 / 10_030)
    assert (told.trades, told.win_rate_frac, told.profit_factor) == (2, 0.5, 1.5)
    assert told.r_mean == pytest.approx(0.25)
    assert told.fees_usd == 2
    assert told.exposure_frac == pytest.approx(50 / 600)
    assert told.exits == {"stop_loss": 1, "targets": 1}
    assert told.bars_per_s == 1_200
    assert told.problems == ()


def test_a_drawdown_from_the_deposit_counts() -> None:
    lost = [a_trade(1, "-100", MIDNIGHT_MS + MINUTE_MS, opened_ms=MIDNIGHT_MS, hold_ms=MINUTE_MS)]
    assert summarise(a_result(lost), a_setup()).max_drawdown_frac == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("unprotected_bars", 3, "without a confirmed stop at the end of 3 of 100 bars"),
        ("ledger_sum_usd", Decimal("0.01"), "sum to zero but to 0.01"),
        ("equity_gap_usd", Decimal("0.02"), "differ by up to 0.02 USDT"),
    ],
)
def test_what_must_never_happen_is_a_problem(name: str, value: object, said: str) -> None:
    result = a_result(TWO)
    setattr(result, name, value)
    told = summarise(result, a_setup())
    assert [said in problem for problem in told.problems] == [True]
    assert [tile.mood for tile in proof_tiles(told)].count("bad") == 1
    assert "Must never happen" in render(result, a_setup(), told)


def test_less_than_a_cent_between_the_books_is_no_problem() -> None:
    result = a_result(TWO)
    result.equity_gap_usd = Decimal("0.00000001")
    assert not summarise(result, a_setup()).problems


def test_days_are_told_one_by_one_and_midnight_belongs_to_the_day_before() -> None:
    trades = [
        a_trade(1, "30", MIDNIGHT_MS + DAY_MS),
        a_trade(2, "-20", MIDNIGHT_MS + DAY_MS + MINUTE_MS),
    ]
    days = periods(a_result(trades, bars=2 * 1440))
    assert [(day.name, day.trades, day.won, day.net_usd) for day in days] == [
        ("2025-01-01", 1, 1, Decimal(30)),
        ("2025-01-02", 1, 0, Decimal(-20)),
    ]
    assert [day.equity_usd for day in days] == [Decimal(10_030), Decimal(10_010)]
    assert days[1].return_frac == pytest.approx(-20 / 10_030)


def test_a_long_replay_is_told_by_months() -> None:
    result = a_result([])
    result.equity = [(MIDNIGHT_MS + DAY_MS * day, Decimal(10_000)) for day in range(1, 61)]
    assert [month.name for month in periods(result)] == ["2025-01", "2025-02", "2025-03"]


def test_the_headline_says_won_lost_or_nothing() -> None:
    def said(trades: list[TradeClosed]) -> str:
        return words.headline(summarise(a_result(trades), a_setup()))

    assert said(TWO) == "Won 10.00 USDT (+0.10 %) on 2 trades"
    assert said(TWO[1:]).startswith("Lost 20.00 USDT (−0.20 %)")
    assert said([]) == "No trade was taken"


def test_assumptions_name_what_was_not_recorded() -> None:
    assert any("recorded rates." in one for one in words.assumptions(a_setup()))
    none = words.assumptions(a_setup(funded=()))
    assert any("No funding rates were recorded" in one for one in none)
    some = a_setup(intervals_ms={"BTCUSDT": 1, "ETHUSDT": 1})
    assert any("for ETHUSDT there are none" in one for one in words.assumptions(some))


def test_a_page_without_a_trade_is_still_a_page() -> None:
    result = a_result([])
    told = summarise(result, a_setup())
    page = render(result, a_setup(), told)
    assert "No trade was taken" in page
    assert "n/a" in {tile.value for tile in result_tiles(told)}


def test_what_others_named_cannot_become_markup() -> None:
    evil = "</script><script>alert(1)//"
    trades = [a_trade(1, "30", MIDNIGHT_MS + 60 * MINUTE_MS, reason=evil)]
    result = a_result(trades)
    result.refusals = Counter({evil: 1})
    page = render(result, a_setup(model=evil), summarise(result, a_setup(model=evil)))
    assert evil not in page


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400),
    st.integers(1, 40),
)
def test_thinning_keeps_the_ends_and_the_extremes(values: list[float], buckets: int) -> None:
    column = np.array(values)
    kept = extremes(column, buckets)
    assert len(kept) <= max(2 * buckets + 2, len(values) if len(values) <= 2 * buckets else 0)
    assert (kept[0], kept[-1]) == (0, len(values) - 1)
    assert column[kept].min() == column.min()
    assert column[kept].max() == column.max()
    assert (np.diff(kept) > 0).all()


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=300, unique=True), st.integers(1, 50))
def test_longer_bars_hold_the_same_market(minutes: list[int], most: int) -> None:
    opens = np.array(sorted(minutes), dtype=np.int64) * MINUTE_MS
    closes = np.arange(len(opens), dtype=np.float64) + 100.0
    bars = Bars(opens, closes - 0.5, closes + 2.0, closes - 3.0, closes)
    step_ms = step_for(bars, MINUTE_MS, most)
    longer = coarser(bars, step_ms)
    assert step_ms % MINUTE_MS == 0
    assert len(longer.open_ms) <= most
    assert (longer.open[0], longer.close[-1]) == (bars.open[0], bars.close[-1])
    assert (longer.high.max(), longer.low.min()) == (bars.high.max(), bars.low.min())
    assert (longer.open_ms % step_ms == 0).all()
    assert set((opens // step_ms * step_ms).tolist()) == set(longer.open_ms.tolist())


def test_bars_between_two_times_are_those_that_open_there() -> None:
    opens = np.array([0, 60, 120, 180], dtype=np.int64)
    bars = Bars(opens, *(np.ones(4) for _ in range(4)))
    assert between(bars, 60, 180).open_ms.tolist() == [60, 120]


def test_long_silences_are_left_out_of_the_axis_and_short_ones_are_not() -> None:
    at_ms = np.array([0, 1, 2, 50, 51, 54, 100], dtype=np.int64)
    assert holes(at_ms, 10) == [(2, 50), (54, 100)]
    assert charts.breaks(at_ms) == [(2, 50), (54, 100)]
    assert charts.breaks(at_ms[:1]) == []


def test_every_trade_is_in_one_bar_of_the_histogram() -> None:
    trades = [
        a_trade(number, str(net), MIDNIGHT_MS + number)
        for number, net in enumerate(range(-400, 500, 7))
    ]
    told = charts.r_histogram(trades)
    assert sum(told.counts) == len(trades)
    assert len(told.edges) == len(told.counts) + 1
    edge = [a_trade(1, "0", MIDNIGHT_MS), a_trade(2, "5", MIDNIGHT_MS)]
    assert sum(charts.r_histogram(edge).counts) == 2


def test_exits_are_told_by_reason_the_commonest_first() -> None:
    told = charts.exits_chart([*TWO, a_trade(3, "-20", MIDNIGHT_MS)])
    assert [(one.reason, one.trades, one.net_usd) for one in told] == [
        ("stop_loss", 2, -40.0),
        ("targets", 1, 30.0),
    ]


def test_of_too_many_trades_the_loudest_can_be_looked_at() -> None:
    trades = [
        a_trade(number, str(number), MIDNIGHT_MS + number) for number in range(TRADES_MAX + 100)
    ]
    chosen = shown(trades)
    assert len(chosen) == TRADES_MAX
    assert [number for number, _ in chosen] == sorted(number for number, _ in chosen)
    assert min(trade.net_usd for _, trade in chosen) == 100


def test_a_trade_shows_its_own_stops_and_nobody_elses() -> None:
    result = a_result(TWO)
    first, second = TWO
    result.stops = [
        ("BTCUSDT", first.opened_ms, Decimal(59_600)),
        ("ETHUSDT", first.opened_ms + 1, Decimal(1)),
        ("BTCUSDT", first.closed_ms - 1, Decimal(60_050)),
        ("BTCUSDT", second.opened_ms, Decimal(59_700)),
    ]
    views = draw(result, a_setup()).trades
    assert [[price for _, price in view.stops] for view in views] == [
        [59_600.0, 60_050.0],
        [59_700.0],
    ]
    window = views[0].candles
    assert window.t[0] <= first.opened_ms - 20 * MINUTE_MS
    assert window.t[-1] >= first.closed_ms


def test_a_trade_tells_how_it_was_left_and_nothing_of_the_others() -> None:
    result = a_result(TWO)
    result.exits = {"p1": [planned(), decided()], "p9": [decided()]}
    first, second = draw(result, a_setup()).trades
    assert [step.text for step in first.story] == [sentence(planned()), sentence(decided())]
    assert second.story == []


async def test_a_replay_remembers_what_the_exit_brain_said_of_every_position() -> None:
    result = await replay_walk(walk(3_000, 7))
    assert result.trades
    for trade in result.trades:
        plan, *rest = result.exits[trade.plan_id]
        assert isinstance(plan, ExitPlanned)
        assert plan.plan.side == trade.side
        assert not [fact for fact in rest if isinstance(fact, KillScored) and not fact.streak]
    decisions = [fact for said in result.exits.values() for fact in said]
    assert any(isinstance(fact, ExitDecided) and fact.kind == "MOVE_STOP" for fact in decisions)


@pytest.mark.slow
def test_half_a_million_bars_and_thousands_of_trades_stay_a_small_page() -> None:
    bars = 500_000
    trades = [
        a_trade(number, str(number % 60 - 30), MIDNIGHT_MS + number * 160 * MINUTE_MS)
        for number in range(1, 3_000)
    ]
    result = a_result(trades, bars=bars)
    random = np.random.default_rng(5)
    path = 60_000 * np.exp(np.cumsum(random.normal(0, 0.0006, bars)))
    long: list[ExitFact] = [planned(), *(fact for _ in range(60) for fact in TOLD)]
    result.exits = {trade.plan_id: long for trade in trades}
    result.candles = {
        "BTCUSDT": [_moved(*pair) for pair in zip(result.candles["BTCUSDT"], path, strict=True)]
    }
    page = render(result, a_setup(), summarise(result, a_setup()))
    assert len(page.encode()) < PAGE_BYTES_MAX


def _moved(candle: CandleClosed, close: float) -> CandleClosed:
    """A bar that closes there; prices of a market lie on its grid."""
    return msgspec.structs.replace(
        candle,
        close=round(close, 1),
        high=round(close * 1.0004, 1),
        low=round(close * 0.9996, 1),
    )


def test_the_summary_survives_json() -> None:
    told = summarise(a_result(TWO), a_setup())
    assert json.loads(msgspec.json.encode(told))["net_usd"] == "10"
