"""How far the streams were taken, in which of their lives; the part that all journals share."""

from collections.abc import Iterable

from quantum_trader.core.events import Fact, LifeBegan
from quantum_trader.core.stream_info import Life
from quantum_trader.streams.ids import parse


def with_taken(life: Life, taken: str) -> Life:
    """The life after commands were taken up to an entry; ids of entries only grow within one."""
    if not taken or (life.taken and parse(taken) <= parse(life.taken)):
        return life
    return Life(life.number, taken)


def with_facts(life: Life, facts: Iterable[Fact]) -> Life:
    """The life after facts were recorded: nothing was taken yet in one that has just begun."""
    for fact in facts:
        if isinstance(fact, LifeBegan):
            life = Life(fact.life)
    return life
