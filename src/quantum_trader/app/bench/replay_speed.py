"""Bars a second through the whole system on memory, beside the barest loop over the same bars."""

import time
from collections.abc import Sequence
from decimal import Decimal

from quantum_trader.app.bench.bare_replay import bare_replay
from quantum_trader.app.bench.measure import Aim, Effort, Row, row
from quantum_trader.app.bench.walk import SYMBOL, YEAR_BARS, Walk, candles, walk
from quantum_trader.app.replay import ReplayResult, Tape, replay
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.exits.settings import AdaptSettings, KillSettings
from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.rules import ExitRules, Fees, Rules
from quantum_trader.core.signals import EmaCross

BARS_PER_S = 20_000.0
SEED = 7
WHOLE = ExitRules()
PLAIN = ExitRules(kill=KillSettings(enabled=False), adapt=AdaptSettings(enabled=False))
"""Entries, ladder and stop, as in the barest bot; every rule but the kill score is still asked."""


async def replay_speed(effort: Effort) -> Sequence[Row]:
    """EMA 20/50, a ladder of 30/30/40, 4 bp of fees: as the bare loop has it, and with all of ours.

    The second is over a quarter of the bars, so that all repetitions have time.
    """
    bars = effort.of(YEAR_BARS, 5_000)
    prices, fewer = walk(bars, SEED), walk(bars // 4, SEED)
    plain, whole, bare = [], [], []
    trades = whole_trades = 0
    for _ in effort.rounds():
        result = await replay_walk(prices, PLAIN)
        trades = len(result.trades)
        plain.append(result.bars / result.seconds)
        result = await replay_walk(fewer)
        whole_trades = len(result.trades)
        whole.append(result.bars / result.seconds)
        began_s = time.perf_counter()
        bare_replay(prices)
        bare.append(bars / (time.perf_counter() - began_s))
    everything = row(_whole_aim(bars // 4, whole_trades), whole)
    return [row(_plain_aim(bars, trades), plain, bare), everything]


def _plain_aim(bars: int, trades: int) -> Aim:
    return Aim(
        name="replay",
        unit="bars per second",
        note=f"{bars:,} one-minute bars, {trades} trades, EMA 20/50, ladder 30/30/40, stop, 4 bp, "
        "the whole system; kill score and adaptation of levels are off, which measure the market "
        "and have no counterpart in the loop beside it, in floats without books, gates or journal",
        target=BARS_PER_S,
    )


def _whole_aim(bars: int, trades: int) -> Aim:
    return Aim(
        name="replay with kill score and adaptation",
        unit="bars per second",
        note=f"{bars:,} one-minute bars, {trades} trades: the same as it runs unless it is told "
        "otherwise",
    )


async def replay_walk(prices: Walk, exits: ExitRules = WHOLE) -> ReplayResult:
    """One replay of the walk by the default limits at 10x, whose ladder is 30/30/40."""
    rules = Rules(
        account="bench",
        deposit_usd=Decimal(10_000),
        limits=RiskLimits(leverage_default=10),
        fees=Fees(taker_frac=Decimal("0.0004"), maker_frac=Decimal("0.0004")),
        exits=exits,
        instruments={SYMBOL: DEFAULT_INSTRUMENTS[SYMBOL]},
    )
    tape = Tape(SYMBOL, len(prices.close), candles(prices))
    return await replay([tape], rules, [EmaCross(fast_bars=20, slow_bars=50)])
