"""Whether the streams still hold what the journal took from them, and what begins when they do not.

The journal lies outside the stream server and is synced before an order leaves, so it is the one
that remembers. Streams that are behind it were lost or rolled back. Then a new life begins: all
that the journal has is published first, then ``LifeBegan``; the trader answers with ``LifeTaken``
behind everything that it commanded without knowing, and none of that is carried out.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from quantum_trader.core.errors import StoreError
from quantum_trader.core.events import (
    Fact,
    KillLevelSet,
    LifeBegan,
    LifeTaken,
)
from quantum_trader.core.out import Stamp
from quantum_trader.ports import Bus, Journal
from quantum_trader.services import wire
from quantum_trader.services.batch import Received
from quantum_trader.services.last_word import level_ordered
from quantum_trader.services.venue_facts import seen_order
from quantum_trader.streams import OPERATOR, ORDER_COMMAND
from quantum_trader.streams.ids import parse

LIFE = "life"
"""The field of the gateway's projection that says which life the trader has taken."""
NEWEST = 1_000
"""So many commands at most follow a ``LifeTaken`` that was not committed yet."""
NOWHERE = "0-0"
STREAMS_LOST = (
    "the stream server came back empty, or as of an older state: what people had ordered may be "
    "gone with it, so no entry leaves. Positions keep their stops and exits go on. Look at them, "
    "then `quantum resume`"
)
_log = structlog.get_logger()


class Lives:
    """What the gateway knows of the life that it is in."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._taken = 1
        self._met = False

    @property
    def awaits(self) -> bool:
        """Whether a life has begun that the trader has not taken yet."""
        return self._taken < self._journal.life().number

    async def why_new(self, bus: Bus, projected: Mapping[str, bytes]) -> str | None:
        """Why a new life has to begin, as a sentence; None when this one goes on.

        Raises ``StoreError`` where it is found out in the middle of a run: others hold a state
        that the streams do not, and the process has to start anew.
        """
        first, self._met = not self._met, True
        life, info = self._journal.life(), await bus.info(ORDER_COMMAND)
        last = NOWHERE if info is None else info.last_id
        self._taken = int(projected.get(LIFE, b"1"))
        if not life.taken:
            return None
        here = self._taken >= life.number or await _is_said(bus, life.number)
        if here and parse(last) >= parse(life.taken):
            return None
        why = (
            f"the journal has commands up to {life.taken} of life {life.number}, and the stream "
            f"server ends at {last}: it came back empty, or as of an older state"
        )
        if not first:
            raise StoreError(f"{why}. The process ends and starts anew from what is there")
        return why

    def meant(self, batch: Sequence[Received]) -> list[Received]:
        """What of a batch was said by a trader that knows this life."""
        for at, received in enumerate(batch):
            if isinstance(received.fact, LifeTaken):
                self._taken = max(self._taken, received.fact.life)
                if self.awaits:
                    continue
                return [one for one in batch[at:] if not isinstance(one.fact, LifeTaken)]
        return [] if self.awaits else list(batch)

    def began(self, why: str, account: str, at_ms: int) -> LifeBegan:
        """The fact that begins the next one."""
        number = self._journal.life().number + 1
        return LifeBegan(
            id=f"{account}:life:{number}",
            at_ms=at_ms,
            trace_id="",
            account=account,
            life=number,
            orders=tuple(seen_order(command.order) for command in self._journal.standing()),
            why=why,
        )

    def projected(self) -> dict[str, bytes]:
        """What to keep of it in the store."""
        return {LIFE: str(self._taken).encode()}


async def halt(bus: Bus, stamp: Stamp) -> list[KillLevelSet]:
    """HALT, for a life that nobody has ordered anything in, unless the newest word is as strict."""
    _log.warning(STREAMS_LOST)
    if await level_ordered(bus) not in (None, "RUN"):
        return []
    return [KillLevelSet(**stamp, level="HALT", who=OPERATOR, why=STREAMS_LOST)]


async def _is_said(bus: Bus, life: int) -> bool:
    """Whether the trader has taken a life, although its ``LifeTaken`` was not committed yet."""
    for entry in await bus.last(ORDER_COMMAND, NEWEST):
        with suppress(*wire.UNREADABLE):
            fact: Fact = wire.read(entry)
            if isinstance(fact, LifeTaken) and fact.life >= life:
                return True
    return False
