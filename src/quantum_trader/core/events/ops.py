"""What the people and the plumbing did."""

from typing import Literal

import msgspec

from quantum_trader.core.events.base import Fact
from quantum_trader.core.rules import Rules

KillLevel = Literal["RUN", "HALT", "FLATTEN"]


class DrainSwitched(Fact, frozen=True, kw_only=True, tag="drain.switched", gc=False):
    """Safe-drain was switched: while on, everything is decided and no entry leaves."""

    on: bool
    who: str
    why: str


class KillLevelSet(Fact, frozen=True, kw_only=True, tag="kill.level", gc=False):
    """RUN: trade. HALT: no new risk. FLATTEN: no new risk and every position is closed."""

    level: KillLevel
    who: str
    why: str


class RulesAdopted(Fact, frozen=True, kw_only=True, tag="rules.adopted", gc=False):
    """From here on these rules decide; they stay in the log beside what they decided."""

    rules: Rules


class Blocked(msgspec.Struct, frozen=True, gc=False):
    """A stream that holds more than ``entries_max`` because somebody still needs it: ``by``."""

    stream: str
    by: str
    entries: int
    entries_max: int


class TrimmingBlocked(Fact, frozen=True, kw_only=True, tag="trimming.blocked", gc=False):
    """All streams that cannot be trimmed below their limit now; none any more when empty."""

    blocked: tuple[Blocked, ...]


class BacklogSkipped(Fact, frozen=True, kw_only=True, tag="backlog.skipped", gc=False):
    """Somebody had a group pass over entries unread: ``count`` of them, from first to last."""

    stream: str
    group: str
    count: int
    first: str
    last: str
    who: str
    why: str


class LetterHandled(Fact, frozen=True, kw_only=True, tag="letter.handled", gc=False):
    """Somebody dealt with a dead letter: sent it again, or saw it and left it."""

    letter: str
    action: Literal["redriven", "seen"]
    who: str
    why: str


class CanarySung(Fact, frozen=True, kw_only=True, tag="canary.sung", gc=False):
    """Nothing, said to see whether it arrives: no decision may come of it."""

    stream: str


class DeadLettered(Fact, frozen=True, kw_only=True, tag="dead.letter", gc=False):
    """A message that could not be processed, kept whole: ``original`` is base64 per field."""

    stream: str
    entry_id: str
    reason: str
    deliveries: int
    original: dict[str, str]
