"""What a trial plays of one symbol's recording: the parts that its entries need."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from quantum_trader.adapters.archive.candles import Recording
from quantum_trader.core.events import CandleClosed, MarketFact
from quantum_trader.research.entries import Span


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol's recording, and the parts of it that its entries need."""

    path: Path
    symbol: str
    spans: tuple[Span, ...]


def facts_of(source: Source) -> Iterator[MarketFact]:
    """The parts of a recording that are needed, in their order."""
    first_ms, last_ms = source.spans[0].from_ms, source.spans[-1].until_ms
    recorded = Recording(source.path, source.symbol, (first_ms, last_ms)).facts()
    left = iter(source.spans)
    span = next(left)
    for fact in recorded:
        while fact.at_ms > span.until_ms:
            following = next(left, None)
            if following is None:
                return
            span = following
        if span.from_ms <= _began_ms(fact):
            yield fact


def _began_ms(fact: MarketFact) -> int:
    return fact.open_ms if isinstance(fact, CandleClosed) else fact.at_ms
