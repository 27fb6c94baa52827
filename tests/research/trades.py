"""Trades for tests of statistics: what they earned is given, the rest is plausible."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from quantum_trader.core.events import TradeClosed
from quantum_trader.research.policy_row import DAY_MS, Run

FIRST_DAY_MS = 20_000 * DAY_MS
HOLD_MS = 3_600_000


def a_trade(number: int, net: float, day: int, risk: float = 100.0) -> TradeClosed:
    """The long from entry ``number``, opened on a day: so much money, with so much at risk."""
    opened_ms = FIRST_DAY_MS + day * DAY_MS + number * 1_000
    net_usd = Decimal(str(net))
    return TradeClosed(
        id=f"t{number}",
        at_ms=opened_ms + HOLD_MS,
        trace_id=f"e{number}",
        account="compare",
        plan_id=f"p{number}",
        intent_id=f"i{number}",
        symbol="BTCUSDT",
        side="LONG",
        strategy="exits_compare",
        leverage=10,
        qty=Decimal("0.1"),
        entry_vwap=Decimal(60_000),
        exit_vwap=Decimal(60_000) + net_usd * 10,
        opened_ms=opened_ms,
        closed_ms=opened_ms + HOLD_MS,
        hold_ms=HOLD_MS,
        gross_usd=net_usd + 5,
        fees_usd=Decimal(5),
        funding_usd=Decimal(0),
        net_usd=net_usd,
        risk_usd=Decimal(str(risk)),
        r_net=net / risk,
        mfe_r=1.0,
        mae_r=-1.0,
        reason="targets" if net > 0 else "stop_loss",
        stages=0,
        confidence=None,
        regime=None,
    )


def a_run(policy: str, nets: Sequence[float], *, risk: float = 100.0, a_day: int = 2) -> Run:
    """One trade for each result, so many a day."""
    trades = (a_trade(number, net, number // a_day, risk) for number, net in enumerate(nets))
    return Run(policy=policy, trades=tuple(trades), refused={})


def without(run: Run, number: int, why: str) -> Run:
    """The run with this entry refused."""
    kept = tuple(trade for trade in run.trades if trade.trace_id != f"e{number}")
    return msgspec.structs.replace(run, trades=kept, refused={f"e{number}": why})
