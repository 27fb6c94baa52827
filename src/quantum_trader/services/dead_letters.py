"""Messages nobody can process, kept whole."""

from base64 import b64encode

from quantum_trader.core.events import DeadLettered
from quantum_trader.ports import Entry, Fields


def original_of(fields: Fields | None) -> dict[str, str]:
    """Every field in base64. Names are read as Latin-1, which no name can fail to be."""
    return {
        name.decode("latin-1"): b64encode(value).decode() for name, value in (fields or {}).items()
    }


def dead_letter(entry: Entry, reason: str, *, at_ms: int, account: str) -> DeadLettered:
    """The letter for an entry that was given up."""
    return DeadLettered(
        id=f"dead:{entry.stream}:{entry.id}",
        at_ms=at_ms,
        trace_id="",
        account=account,
        stream=entry.stream,
        entry_id=entry.id,
        reason=reason,
        deliveries=entry.deliveries,
        original=original_of(entry.fields),
    )
