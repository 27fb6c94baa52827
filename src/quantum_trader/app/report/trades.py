"""One trade at a time: the bars around it, what was filled where, and how its stop moved."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from quantum_trader.app.replay import ReplayResult
from quantum_trader.app.report.charts import Candles, candles_of
from quantum_trader.app.report.exit_story import Step, exit_stories
from quantum_trader.app.report.thinning import Bars, between, coarser, step_for
from quantum_trader.core.events import OrderFilled, TradeClosed

TRADES_MAX = 500
"""So many trades can be looked at one by one; of more, those that moved the most money."""
WINDOW_BARS = 40_000
WINDOW_BARS_A_TRADE = 120
MARGIN_BARS = 20
"""What is shown before and after a trade, at least."""

StopMove = tuple[int, Decimal]


class Point(msgspec.Struct, frozen=True):
    """A fill: when, at which price, how much, and of which order (entry, stop, target, exit)."""

    t: int
    price: float
    qty: float
    role: str


class TradeView(msgspec.Struct, frozen=True, kw_only=True):
    """A finished trade as the page shows it; ``stops`` are (epoch ms, price) as they moved.

    ``story`` tells how it was left.
    """

    n: int
    trace: str
    symbol: str
    side: str
    leverage: int
    reason: str
    stages: int
    opened: int
    closed: int
    qty: float
    entry: float
    exit: float
    gross: float
    fees: float
    funding: float
    net: float
    r: float
    mfe_r: float
    mae_r: float
    targets: list[float]
    stops: list[tuple[int, float]]
    fills: list[Point]
    story: list[Step]
    candles: Candles


class Trail:
    """What a replay left behind of these trades, found by plan or by symbol."""

    def __init__(self, result: ReplayResult, trades: Sequence[TradeClosed]) -> None:
        plans = [trade.plan_id for trade in trades]
        said = [result.exits.get(plan_id, ()) for plan_id in plans]
        self.stories = dict(zip(plans, exit_stories(said), strict=True))
        self.targets = {levels.plan_id: levels.target_prices for levels in result.levels}
        self.fills: defaultdict[str, list[OrderFilled]] = defaultdict(list)
        for fill in result.fills:
            self.fills[fill.plan_id].append(fill)
        self._stops: defaultdict[str, list[StopMove]] = defaultdict(list)
        for symbol, at_ms, price in result.stops:
            self._stops[symbol].append((at_ms, price))

    def stops_of(self, trade: TradeClosed) -> list[StopMove]:
        """A symbol holds one trade at a time, so its stops are those of that time."""
        moves = self._stops[trade.symbol]
        start = bisect_left(moves, trade.opened_ms, key=lambda move: move[0])
        end = bisect_right(moves, trade.closed_ms, key=lambda move: move[0])
        return moves[start:end]


def shown(trades: Sequence[TradeClosed]) -> list[tuple[int, TradeClosed]]:
    """The trades that can be looked at, with their numbers from 1, oldest first."""
    numbered = list(enumerate(sorted(trades, key=lambda trade: trade.closed_ms), 1))
    if len(numbered) <= TRADES_MAX:
        return numbered
    loudest = sorted(numbered, key=lambda pair: -abs(pair[1].net_usd))[:TRADES_MAX]
    return sorted(loudest, key=lambda pair: pair[0])


def trade_views(
    result: ReplayResult, markets: Mapping[str, Bars], intervals_ms: Mapping[str, int]
) -> list[TradeView]:
    """Every trade that can be looked at."""
    chosen = shown(result.trades)
    most = min(WINDOW_BARS_A_TRADE, WINDOW_BARS // max(1, len(chosen)))
    trail = Trail(result, [trade for _, trade in chosen])
    return [
        _view(number, trade, trail, _window(trade, markets, intervals_ms, most))
        for number, trade in chosen
    ]


def _window(
    trade: TradeClosed, markets: Mapping[str, Bars], intervals_ms: Mapping[str, int], most: int
) -> Candles:
    """The bars around a trade, with as much before it as after it."""
    interval_ms = intervals_ms[trade.symbol]
    margin_ms = max(MARGIN_BARS * interval_ms, trade.hold_ms // 3)
    bars = between(markets[trade.symbol], trade.opened_ms - margin_ms, trade.closed_ms + margin_ms)
    step_ms = step_for(bars, interval_ms, most)
    return candles_of(coarser(bars, step_ms), step_ms)


def _view(number: int, trade: TradeClosed, trail: Trail, candles: Candles) -> TradeView:
    return TradeView(
        n=number,
        trace=trade.trace_id,
        symbol=trade.symbol,
        side=trade.side,
        leverage=trade.leverage,
        reason=trade.reason,
        stages=trade.stages,
        opened=trade.opened_ms,
        closed=trade.closed_ms,
        qty=float(trade.qty),
        entry=float(trade.entry_vwap),
        exit=float(trade.exit_vwap),
        gross=_cents(trade.gross_usd),
        fees=_cents(trade.fees_usd),
        funding=_cents(trade.funding_usd),
        net=_cents(trade.net_usd),
        r=round(trade.r_net, 3),
        mfe_r=round(trade.mfe_r, 3),
        mae_r=round(trade.mae_r, 3),
        targets=[float(price) for price in trail.targets.get(trade.plan_id, ())],
        stops=[(at_ms, float(price)) for at_ms, price in trail.stops_of(trade)],
        fills=[
            Point(fill.at_ms, float(fill.price), float(fill.qty), fill.role)
            for fill in trail.fills[trade.plan_id]
        ],
        story=trail.stories[trade.plan_id],
        candles=candles,
    )


def _cents(amount_usd: Decimal) -> float:
    return round(float(amount_usd), 2)
