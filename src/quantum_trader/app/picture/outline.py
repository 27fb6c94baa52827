"""A position with its levels on the grid: what is drawn, and what exit rules are asked about."""

from decimal import Decimal

import msgspec

from quantum_trader.core.events import Leg
from quantum_trader.core.exits.context import ExitContext, ExitMemory
from quantum_trader.core.exits.plan import ExitPlan
from quantum_trader.core.exits.stops import break_even
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.rules import ExitRules, Fees
from quantum_trader.core.units import Side, decimal_of, money, sign_of

FAR_R = 10.0


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """A position as it would stand right after its entry, with every level on the price grid."""

    instrument: Instrument
    side: Side
    leverage: int
    entry_price: Decimal
    qty: Decimal
    stop_price: Decimal
    target_prices: tuple[Decimal, ...]
    legs: tuple[Leg, ...]
    liquidation_price: Decimal | None
    plan: ExitPlan
    fees: Fees
    exits: ExitRules

    @property
    def risk_usd(self) -> Decimal:
        """What the first stop loses on the whole quantity, costs left out."""
        return money(self.qty * abs(self.entry_price - self.stop_price))

    def gain_usd(self, price: Decimal, qty: Decimal) -> Decimal:
        """What a quantity earns at a price, costs left out."""
        return money(qty * (price - self.entry_price) * sign_of(self.side))

    def at_r(self, r: float) -> Decimal:
        """The price at which so many R are earned, on the grid."""
        way = (self.entry_price - self.stop_price) * Decimal(repr(r))
        return self.instrument.nearest_price(self.entry_price + way)

    @property
    def runner_qty(self) -> Decimal:
        """What no target takes."""
        return self.qty - sum((leg.qty for leg in self.legs), start=self.qty * 0)

    def stop_on_grid(self, price: float) -> Decimal:
        """A stop on the price grid, rounded toward profit: what it locks in is locked in."""
        return self.instrument.stop_on_grid(self.side, decimal_of(price))

    def break_even(self) -> Decimal | None:
        """Where the stop goes after the first stage, once the price is far enough from there.

        As the rule says; None for a plan without a target.
        """
        if not self.target_prices:
            return None
        far = float(self.at_r(FAR_R))
        harvested = msgspec.structs.replace(self.context(), stage=1, mark=far, best=far)
        decision = break_even(harvested, self.exits.stops)
        if decision is None or decision.price is None:
            return None
        return self.stop_on_grid(decision.price)

    def context(self) -> ExitContext:
        """The moment after the entry, in a market of which only the price is known."""
        entry, stop = float(self.entry_price), float(self.stop_price)
        return ExitContext(
            symbol=self.instrument.symbol,
            position_id=self.plan.position_id,
            side=self.side,
            sign=sign_of(self.side),
            qty=float(self.qty) * sign_of(self.side),
            initial_qty=float(self.qty),
            entry_price=entry,
            initial_stop=stop,
            stop=stop,
            best=entry,
            worst=entry,
            opened_ms=0,
            now_ms=0,
            stage=0,
            resting=tuple(leg.stage for leg in self.legs),
            targets=tuple(map(float, self.target_prices)),
            leverage=self.leverage,
            liquidation_price=_float(self.liquidation_price),
            instrument=self.instrument,
            mark=entry,
            mark_age_ms=0,
            market=None,
            market_ms=0,
            market_at_entry=None,
            funding_rate_frac=None,
            funding_interval_ms=None,
            next_funding_ms=None,
            taker_frac=float(self.fees.taker_frac),
            spread_frac=float(self.exits.spread_frac),
            fees_usd=float(self.qty * self.entry_price * self.fees.taker_frac),
            funding_usd=0.0,
            risk_mode=self.exits.risk_mode,
            confidence=self.plan.confidence,
            performance=None,
            divergence=None,
            heat=None,
            hold_max_ms=self.exits.hold_max_ms,
            plan=self.plan,
            memory=ExitMemory(),
        )


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
