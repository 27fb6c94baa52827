"""Builders that tests share: rules, facts, and a venue that answers what the trader commands."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events import (
    CancelCommanded,
    CancelWithheld,
    CandleClosed,
    DrainSwitched,
    Fact,
    IntentProposed,
    IntentRefused,
    IntentSkipped,
    KillLevelSet,
    OrderAccepted,
    OrderCanceled,
    OrderCommanded,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    RulesAdopted,
    SecondPassed,
)
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.events.orders import FillCause
from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.rules import ExitRules, Fees, Rules
from quantum_trader.core.state import TraderState
from quantum_trader.core.trader import step
from quantum_trader.core.units import OrderSide

NOON_MS = 1_735_732_800_000
"""2025-01-01 12:00 UTC."""
MINUTE_MS = 60_000
ACCOUNT = "paper"


def some_rules(**limits: Any) -> Rules:
    """Rules for the default instruments, with a wallet of 10,000 USDT."""
    return Rules(
        account=ACCOUNT,
        deposit_usd=Decimal(10_000),
        limits=msgspec.structs.replace(RiskLimits(), **limits),
        fees=Fees(),
        exits=ExitRules(),
        instruments=DEFAULT_INSTRUMENTS,
    )


def a_candle(
    close: float, at_ms: int = NOON_MS, symbol: str = "BTCUSDT", **changes: float
) -> CandleClosed:
    """A one-minute bar that closes at ``at_ms``; flat unless ``changes`` says otherwise."""
    return CandleClosed(
        id=f"{symbol}:{MINUTE_MS}:{at_ms - MINUTE_MS}",
        at_ms=at_ms,
        symbol=symbol,
        source="recorded",
        interval_ms=MINUTE_MS,
        open_ms=at_ms - MINUTE_MS,
        open=changes.get("open", close),
        high=changes.get("high", close),
        low=changes.get("low", close),
        close=close,
        volume=1.0,
    )


def an_intent(side: str = "LONG", at_ms: int = NOON_MS, **changes: Any) -> IntentProposed:
    """An intent for BTCUSDT at 10x, sized by risk, named by its time."""
    intent = IntentProposed(
        id=f"i{at_ms}",
        at_ms=at_ms,
        trace_id=f"t{at_ms}",
        account=ACCOUNT,
        symbol="BTCUSDT",
        side="LONG",
        signal_id=f"s{at_ms}",
        strategy="by_hand",
        source="test",
        confidence=0.6,
        entry_price=None,
        stop_loss=None,
        take_profit=None,
        notional_usd=None,
        margin_usd=None,
        qty=None,
        leverage=10,
        atr_price=None,
        volatility_factor=None,
        exchange_divergence=None,
        funding_rate_frac=None,
        regime=None,
        reason=None,
    )
    return msgspec.structs.replace(intent, side=side, **changes)


def kill(level: KillLevel, at_ms: int = NOON_MS) -> KillLevelSet:
    """The operator's word."""
    return KillLevelSet(
        id=f"k{level}{at_ms}",
        at_ms=at_ms,
        trace_id="",
        account=ACCOUNT,
        level=level,
        who="me",
        why="test",
    )


def drain(*, on: bool) -> DrainSwitched:
    """Safe-drain, switched."""
    return DrainSwitched(
        id=f"drain{on}", at_ms=NOON_MS, trace_id="", account=ACCOUNT, on=on, who="me", why="test"
    )


def refused_by(fact: Fact) -> set[str]:
    """The gates that said no."""
    if not isinstance(fact, IntentRefused | IntentSkipped):
        raise TypeError(f"{fact} refuses nothing")
    return {refusal.gate for refusal in fact.refusals}


class Desk:
    """A trader state with a hand-driven venue: every fact goes through the real step.

    ``said`` is everything the trader ever said; ``take`` hands out what was said since the last
    ``take``. Answers name their command, so a test reads like the conversation it is about.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self.state = TraderState()
        self.said: list[Fact] = []
        self._taken = 0
        self._fills = 0
        adopted = some_rules() if rules is None else rules
        self.adopt(adopted)

    def adopt(self, rules: Rules) -> list[Fact]:
        """From here on these rules decide."""
        return self.tell(
            RulesAdopted(id="rules", at_ms=NOON_MS, trace_id="", account=ACCOUNT, rules=rules)
        )

    def tell(self, *facts: Fact) -> list[Fact]:
        """Put facts through the step; what follows from them."""
        said: list[Fact] = []
        for fact in facts:
            said += step(self.state, fact)
        self.said += said
        return said

    def take(self, kind: type[Fact]) -> list[Fact]:
        """What of this kind was said since the beginning, in order."""
        return [fact for fact in self.said if isinstance(fact, kind)]

    def commands(self, role: str) -> list[OrderCommanded]:
        """Every order commanded for a role, in order."""
        return [
            fact for fact in self.said if isinstance(fact, OrderCommanded) and fact.role == role
        ]

    def cancels(self) -> list[CancelCommanded]:
        """Every cancel commanded, in order."""
        return [fact for fact in self.said if isinstance(fact, CancelCommanded)]

    def second(self, at_ms: int) -> list[Fact]:
        """Time passes."""
        return self.tell(SecondPassed(id=f"second:{at_ms}", at_ms=at_ms, trace_id="", account=""))

    def accept(self, command: OrderCommanded, at_ms: int | None = None) -> list[Fact]:
        """The venue confirms an order."""
        return self.tell(
            OrderAccepted(
                id=f"{command.order.client_order_id}/accepted",
                at_ms=self._at(at_ms),
                trace_id=command.trace_id,
                account=ACCOUNT,
                plan_id=command.plan_id,
                role=command.role,
                symbol=command.order.symbol,
                client_order_id=command.order.client_order_id,
                venue_order_id="1",
            )
        )

    def reject(
        self,
        command: OrderCommanded,
        code: int,
        reason: str = "no",
        *,
        at_ms: int | None = None,
    ) -> list[Fact]:
        """The venue refuses an order."""
        return self.tell(
            OrderRejected(
                id=f"{command.order.client_order_id}/rejected",
                at_ms=self._at(at_ms),
                trace_id=command.trace_id,
                account=ACCOUNT,
                plan_id=command.plan_id,
                role=command.role,
                symbol=command.order.symbol,
                client_order_id=command.order.client_order_id,
                code=code,
                reason=reason,
            )
        )

    def cancel(self, command: OrderCommanded, reason: str = "canceled") -> list[Fact]:
        """The venue reports an order canceled."""
        return self.tell(
            OrderCanceled(
                id=f"{command.order.client_order_id}/canceled",
                at_ms=self._at(None),
                trace_id=command.trace_id,
                account=ACCOUNT,
                plan_id=command.plan_id,
                role=command.role,
                symbol=command.order.symbol,
                client_order_id=command.order.client_order_id,
                reason=reason,
            )
        )

    def doubt(self, command: OrderCommanded) -> list[Fact]:
        """Nobody knows what became of an order."""
        return self.tell(
            OrderInDoubt(
                id=f"{command.order.client_order_id}/in_doubt",
                at_ms=self._at(None),
                trace_id=command.trace_id,
                account=ACCOUNT,
                plan_id=command.plan_id,
                role=command.role,
                symbol=command.order.symbol,
                client_order_id=command.order.client_order_id,
                reason="no answer",
            )
        )

    def withhold(self, cancel: CancelCommanded) -> list[Fact]:
        """A cancel did not leave, for the stop that was to stay had ended."""
        return self.tell(
            CancelWithheld(
                id=f"{cancel.id}/withheld",
                at_ms=self._at(None),
                trace_id=cancel.trace_id,
                account=ACCOUNT,
                plan_id=cancel.plan_id,
                role=cancel.role,
                symbol=cancel.symbol,
                client_order_id=cancel.client_order_id,
                cancel_id=cancel.id,
                reason="the other one is over",
            )
        )

    def hand(
        self,
        side: OrderSide,
        qty: object,
        price: object,
        cause: FillCause = "order",
        *,
        at_ms: int | None = None,
    ) -> list[Fact]:
        """Somebody trades at the venue by hand, or the venue itself does."""
        self._fills += 1
        return self.tell(
            OrderFilled(
                id=f"{ACCOUNT}:t{self._fills}",
                at_ms=self._at(at_ms),
                trace_id="",
                account=ACCOUNT,
                plan_id="",
                role="exit",
                symbol="BTCUSDT",
                client_order_id=f"hand-{self._fills}",
                trade_id=str(self._fills),
                side=side,
                qty=Decimal(str(qty)),
                price=Decimal(str(price)),
                fee_usd=Decimal(0),
                liquidity="taker",
                cause=cause,
                done=True,
            )
        )

    def fill(
        self,
        command: OrderCommanded,
        price: object,
        qty: object = None,
        *,
        done: bool = True,
        at_ms: int | None = None,
    ) -> list[Fact]:
        """The venue reports a fill at ``price``; of everything, unless ``qty`` is given."""
        self._fills += 1
        filled = command.order.qty if qty is None else Decimal(str(qty))
        value = Decimal(str(price))
        return self.tell(
            OrderFilled(
                id=f"{ACCOUNT}:t{self._fills}",
                at_ms=self._at(at_ms),
                trace_id=command.trace_id,
                account=ACCOUNT,
                plan_id=command.plan_id,
                role=command.role,
                symbol=command.order.symbol,
                client_order_id=command.order.client_order_id,
                trade_id=str(self._fills),
                side=command.order.side,
                qty=filled,
                price=value,
                fee_usd=(filled * value * Decimal("0.0004")).quantize(Decimal("1e-8")),
                liquidity="taker",
                cause="order",
                done=done,
            )
        )

    def open(self, price: float = 60_000.0, **changes: Any) -> Sequence[OrderCommanded]:
        """A filled and protected long at ``price``; the commands of its targets."""
        self.tell(a_candle(price), an_intent(**changes))
        entry = self.commands("entry")[-1]
        self.accept(entry)
        self.fill(entry, price)
        self.accept(self.commands("stop")[-1])
        return self.commands("target")

    def _at(self, at_ms: int | None) -> int:
        return self.state.now_ms if at_ms is None else at_ms
