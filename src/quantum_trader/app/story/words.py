"""Times, lengths of time and money, as the stories tell them."""

from datetime import UTC, datetime
from decimal import Decimal

from quantum_trader.core.units import usd_text

HOUR_MS, MINUTE_MS, SECOND_MS = 3_600_000, 60_000, 1_000


def time_text(at_ms: int) -> str:
    """A time for people, to the millisecond, in UTC."""
    moment = datetime.fromtimestamp(at_ms // SECOND_MS, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{at_ms % SECOND_MS:03d}"


def span_text(span_ms: int) -> str:
    """A length of time for people: "412 ms", "3.2 s", "4 min 05 s", "2 h 07 min"."""
    if span_ms < SECOND_MS:
        return f"{span_ms} ms"
    if span_ms < MINUTE_MS:
        return f"{span_ms / SECOND_MS:.1f} s"
    if span_ms < HOUR_MS:
        return f"{span_ms // MINUTE_MS} min {span_ms % MINUTE_MS // SECOND_MS:02d} s"
    return f"{span_ms // HOUR_MS} h {span_ms % HOUR_MS // MINUTE_MS:02d} min"


def signed_usd(amount: Decimal) -> str:
    """Money with its sign; a loss has it anyway."""
    return f"{'+' if amount > 0 else ''}{usd_text(amount)}"
