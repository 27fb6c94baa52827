"""Kill levels in their order: each includes what the ones before it forbid."""

from typing import get_args

from quantum_trader.core.events.ops import KillLevel

LEVELS: tuple[KillLevel, ...] = get_args(KillLevel)


def includes(level: KillLevel, wanted: KillLevel) -> bool:
    """Whether whoever is at ``level`` is at ``wanted`` too: FLATTEN is also a HALT."""
    return LEVELS.index(level) >= LEVELS.index(wanted)
