"""What the people and the plumbing did."""

from typing import Literal

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


class DeadLettered(Fact, frozen=True, kw_only=True, tag="dead.letter", gc=False):
    """A message that could not be processed, kept whole: ``original`` is base64 per field."""

    stream: str
    entry_id: str
    reason: str
    deliveries: int
    original: dict[str, str]
