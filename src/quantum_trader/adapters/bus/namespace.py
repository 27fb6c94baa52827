"""How names are spelled in a store: the mode is in them there, and nowhere else.

Everybody speaks of the names in ``streams``. On paper the store has them as they are, in mode live
with ``quantum:live:`` for ``quantum:``: who learned to write for paper reaches real money only by
spelling it out. What says whose a store is (``keys.owner``) is spelled one way.
"""

from functools import lru_cache

import msgspec

from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.mode import KEY_PREFIXES, TradingMode, mode_of

OURS = KEY_PREFIXES["paper"]
"""How the names that everybody speaks begin. A store also has names of others, which stay."""


class Namespace(msgspec.Struct, frozen=True):
    """The names of one mode."""

    mode: TradingMode

    def outer(self, name: str) -> str:
        """The name in the store. Raises ``BrokenInvariant`` for one that has a mode in it."""
        return _outer(self.mode, name)

    def inner(self, key: str) -> str | None:
        """The name that everybody speaks; None for a name of another mode."""
        if not key.startswith(OURS):
            return key
        if marked_mode(key) != self.mode:
            return None
        return OURS + key.removeprefix(KEY_PREFIXES[self.mode])


@lru_cache(maxsize=4096)
def _outer(mode: TradingMode, name: str) -> str:
    if not name.startswith(OURS):
        return name
    if marked_mode(name) != "paper":
        raise BrokenInvariant(f"{name} is no name of a stream or key: it has a mode in it")
    return KEY_PREFIXES[mode] + name.removeprefix(OURS)


PAPER = Namespace("paper")


def names_of(account: str) -> Namespace:
    """The names of the mode an account belongs to."""
    return Namespace(mode_of(account))


def marked_mode(key: str) -> TradingMode:
    """The mode that a name of ours in a store belongs to."""
    for mode, prefix in KEY_PREFIXES.items():
        if prefix != OURS and key.startswith(prefix):
            return mode
    return "paper"
