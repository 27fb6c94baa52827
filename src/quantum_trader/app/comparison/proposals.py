"""What is proposed in a trial: the given entries, and a close where the recording ends."""

from decimal import Decimal

import msgspec

from quantum_trader.core.events import IntentProposed
from quantum_trader.core.events.intents import UNSAID, IntentSide
from quantum_trader.core.intent_edge import fact_id_of
from quantum_trader.research.entries import Entry

ACCOUNT = "compare"
STRATEGY = "exits_compare"


def entry_intent(entry: Entry, notional_usd: Decimal) -> IntentProposed:
    """The entry as a proposal of this notional; it has the same name under every policy."""
    return msgspec.structs.replace(
        _intent(entry.name, entry.symbol, entry.side, entry.at_ms),
        confidence=entry.confidence,
        notional_usd=notional_usd,
    )


def close_intent(symbol: str, at_ms: int) -> IntentProposed:
    """The close of what is open where a part of the recording ends."""
    return _intent(f"end:{symbol}:{at_ms}", symbol, "FLAT", at_ms)


def _intent(name: str, symbol: str, side: IntentSide, at_ms: int) -> IntentProposed:
    return IntentProposed(
        id=fact_id_of(ACCOUNT, STRATEGY, symbol, name),
        at_ms=at_ms,
        trace_id=name,
        account=ACCOUNT,
        symbol=symbol,
        side=side,
        signal_id=name,
        strategy=STRATEGY,
        source=STRATEGY,
        confidence=None,
        entry_price=None,
        notional_usd=None,
        leverage=None,
        reason=None,
        **UNSAID,
    )
