"""Many instruments and one intent for each, so that no entry has to wait for another."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events import CandleClosed, IntentProposed
from quantum_trader.core.events.intents import UNSAID
from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.rules import ExitRules, Fees, Rules

ACCOUNT = "bench"
NOW_MS = 1_735_732_800_000
BAR_MS = 60_000
PRICE = 60_000.0
PLENTY_USD = Decimal(10_000_000_000)


def symbols(count: int) -> list[str]:
    """Names of so many instruments."""
    return [f"B{number:04}USDT" for number in range(count)]


def roomy_rules(count: int) -> Rules:
    """Rules under which all of them may be open at once."""
    pattern = DEFAULT_INSTRUMENTS["BTCUSDT"]
    return Rules(
        account=ACCOUNT,
        deposit_usd=PLENTY_USD,
        limits=RiskLimits(
            positions_max=count + 1,
            stops_max=2 * (count + 1),
            gross_notional_max_usd=PLENTY_USD,
            intent_age_ms_max=BAR_MS * 60,
        ),
        fees=Fees(),
        exits=ExitRules(),
        instruments={
            symbol: msgspec.structs.replace(pattern, symbol=symbol) for symbol in symbols(count)
        },
    )


def first_bars(names: Sequence[str]) -> list[CandleClosed]:
    """One bar for each, so that there is a mark."""
    return [
        CandleClosed(
            id=f"{symbol}:first",
            at_ms=NOW_MS,
            symbol=symbol,
            source="SIMULATED",
            interval_ms=BAR_MS,
            open_ms=NOW_MS - BAR_MS,
            open=PRICE,
            high=PRICE,
            low=PRICE,
            close=PRICE,
            volume=1.0,
        )
        for symbol in names
    ]


def intent(symbol: str) -> IntentProposed:
    """A long at 10x for 3,000 USDT."""
    return IntentProposed(
        id=f"i:{symbol}",
        at_ms=NOW_MS,
        trace_id=f"i:{symbol}",
        account=ACCOUNT,
        symbol=symbol,
        side="LONG",
        signal_id=f"s:{symbol}",
        strategy="bench",
        source="bench",
        confidence=0.6,
        entry_price=None,
        notional_usd=Decimal(3_000),
        leverage=10,
        reason="a benchmark",
        **UNSAID,
    )
