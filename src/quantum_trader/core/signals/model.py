"""What a model of the market is: closed bars in, a change of mind out."""

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from quantum_trader.core.events import CandleClosed, IntentProposed
from quantum_trader.core.events.intents import UNSAID
from quantum_trader.core.intent_edge import fact_id_of
from quantum_trader.core.units import decimal_of

DAY_MS = 86_400_000

SignalSide = Literal["LONG", "SHORT", "HOLD"]


class Signal(msgspec.Struct, frozen=True):
    """A model's change of mind about one symbol.

    ``confidence`` lies in 0..1 and is None where the model has no honest number to give.
    """

    side: SignalSide
    confidence: float | None
    reason: str


class BarCursor(msgspec.Struct, kw_only=True):
    """Where a model stands in one symbol's bars; the states of all models begin with it."""

    interval_ms: int = 0
    next_open_ms: int = 0


State = TypeVar("State", bound=BarCursor)


class Model(Protocol[State]):
    """A pure rule over the closed bars of one symbol.

    The state belongs to one symbol, changes in place, and survives a round trip through JSON.
    Bars that were seen already change nothing; after a hole in the bars a model begins anew,
    because what is missing cannot be made up.
    """

    @property
    def name(self) -> str:
        """The strategy under which intents are proposed; its parameters are part of it."""

    def initial(self) -> State:
        """The state before the first bar."""

    def on_candle(self, state: State, candle: CandleClosed) -> Signal | None:
        """Take one closed bar; None as long as the model's mind does not change."""


AnyModel = Model[Any]
ModelFactory = Callable[[], AnyModel]


Arrival = Literal["next", "first", "seen"]


def arrival(cursor: BarCursor, candle: CandleClosed) -> Arrival:
    """Whether a bar continues the series, begins one (anew), or was seen; moves the cursor."""
    open_ms, interval_ms = candle.open_ms, candle.interval_ms
    due_ms, same = cursor.next_open_ms, cursor.interval_ms == interval_ms
    if same and open_ms < due_ms:
        return "seen"
    cursor.next_open_ms = open_ms + interval_ms
    if same and open_ms == due_ms:
        return "next"
    cursor.interval_ms = interval_ms
    return "first"


def to_intent(
    signal: Signal, candle: CandleClosed, model: AnyModel, account: str
) -> IntentProposed | None:
    """The entry a signal proposes at the close of its bar, sized by risk; None for HOLD.

    The id derives from strategy, symbol, side and the bar's open time: the same bar read twice
    proposes the same intent.
    """
    if signal.side == "HOLD":
        return None
    signal_id = f"{model.name}:{candle.symbol}:{signal.side}:{candle.open_ms}"
    fact_id = fact_id_of(account, model.name, candle.symbol, signal_id)
    return IntentProposed(
        id=fact_id,
        at_ms=candle.at_ms,
        trace_id=fact_id,
        account=account,
        symbol=candle.symbol,
        side=signal.side,
        signal_id=signal_id,
        strategy=model.name,
        source="signals",
        confidence=signal.confidence,
        entry_price=decimal_of(candle.close),
        notional_usd=None,
        leverage=None,
        reason=signal.reason,
        **UNSAID,
    )
