"""A trade on its way from flat to flat, and its numbers at the end.

R is the net profit over the risk of the initial stop, frozen when the plan was made.
"""

from decimal import Decimal

import msgspec

from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events import PlanMade, TradeClosed
from quantum_trader.core.units import ZERO, money, sign_of


class OpenTrade(msgspec.Struct, kw_only=True):
    """What was bought and sold so far for one plan; ``_usd`` sums are quantity times price.

    ``high`` and ``low`` are the extreme prices seen since the first fill, None before it.
    ``stages`` counts the harvest stages that were filled.
    """

    plan: PlanMade
    confidence: float | None
    regime: str | None
    opened_ms: int
    entry_qty: Decimal = ZERO
    entry_usd: Decimal = ZERO
    exit_qty: Decimal = ZERO
    exit_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    high: float | None = None
    low: float | None = None
    stages: int = 0

    def enter(self, qty: Decimal, price: Decimal, fee_usd: Decimal) -> None:
        """Add a fill of the entry."""
        self.entry_qty += qty
        self.entry_usd += qty * price
        self.fees_usd += fee_usd
        self.mark(float(price))

    def leave(self, qty: Decimal, price: Decimal, fee_usd: Decimal) -> None:
        """Add a fill that closed a part or all."""
        self.exit_qty += qty
        self.exit_usd += qty * price
        self.fees_usd += fee_usd
        self.mark(float(price))

    def fund(self, payment_usd: Decimal) -> None:
        """Add a funding settlement, positive when received."""
        self.funding_usd += payment_usd

    def mark(self, price: float) -> None:
        """Note a price that was seen while the trade was open."""
        self.mark_range(price, price)

    def mark_range(self, lowest: float, highest: float) -> None:
        """Note the extremes of the prices that were seen while the trade was open."""
        high, low = self.high, self.low
        if high is None or highest > high:
            self.high = highest
        if low is None or lowest < low:
            self.low = lowest

    def excursions_r(self) -> tuple[float, float]:
        """The best and the worst unrealised gross of the whole entry quantity, in R.

        The best is never below zero, the worst never above; both are zero before the first fill.
        """
        if self.high is None or self.low is None or not self.entry_qty:
            return 0.0, 0.0
        entry = float(self.entry_usd / self.entry_qty)
        per_r = float(self.entry_qty / self.plan.risk_usd)
        rise_r = max(0.0, (self.high - entry) * per_r)
        fall_r = max(0.0, (entry - self.low) * per_r)
        best_r, worst_r = (rise_r, fall_r) if self.plan.side == "LONG" else (fall_r, rise_r)
        return best_r, 0.0 - worst_r


def close(trade: OpenTrade, fact_id: str, at_ms: int, reason: str) -> TradeClosed:
    """The finished trade as a fact.

    Raises ``BrokenInvariant`` when it is not flat or its plan had no risk to measure by.
    """
    plan = trade.plan
    if not trade.entry_qty or trade.entry_qty != trade.exit_qty or plan.risk_usd <= 0:
        held = f"{trade.exit_qty} of {trade.entry_qty} closed, risk {plan.risk_usd}"
        raise BrokenInvariant(f"trade of plan {plan.plan_id} is no round trip: {held}")
    gross_usd = money((trade.exit_usd - trade.entry_usd) * sign_of(plan.side))
    net_usd = gross_usd - trade.fees_usd + trade.funding_usd
    mfe_r, mae_r = trade.excursions_r()
    return TradeClosed(
        id=fact_id,
        at_ms=at_ms,
        trace_id=plan.trace_id,
        account=plan.account,
        plan_id=plan.plan_id,
        intent_id=plan.intent_id,
        symbol=plan.symbol,
        side=plan.side,
        strategy=plan.strategy,
        leverage=plan.leverage,
        qty=trade.entry_qty,
        entry_vwap=trade.entry_usd / trade.entry_qty,
        exit_vwap=trade.exit_usd / trade.exit_qty,
        opened_ms=trade.opened_ms,
        closed_ms=at_ms,
        hold_ms=at_ms - trade.opened_ms,
        gross_usd=gross_usd,
        fees_usd=trade.fees_usd,
        funding_usd=trade.funding_usd,
        net_usd=net_usd,
        risk_usd=plan.risk_usd,
        r_net=float(net_usd / plan.risk_usd),
        mfe_r=mfe_r,
        mae_r=mae_r,
        reason=reason,
        stages=trade.stages,
        confidence=trade.confidence,
        regime=trade.regime,
    )
