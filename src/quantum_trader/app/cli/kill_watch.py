"""What the people who change the kill level see meanwhile, and what they are asked."""

import sys
from collections.abc import Sequence

from quantum_trader.app.board import Held
from quantum_trader.app.cli.frame import Progress, plain, remark
from quantum_trader.app.kill_words import WORD, held_text
from quantum_trader.app.standing import Standing
from quantum_trader.app.story import time_text
from quantum_trader.core.errors import UsageError
from quantum_trader.core.events import KillLevelSet
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.ports import Latched
from quantum_trader.services.guardian import GuardBeat


class Watching:
    """Tells what is still open whenever that changes."""

    def __init__(self, held: Sequence[Held], progress: Progress) -> None:
        self._total = self._left = len(held)
        self._progress = progress
        self._told = ""

    def __call__(self, standing: Standing) -> None:
        """One look."""
        left = min(len(standing.held), self._left)
        self._progress.advance(self._left - left)
        self._left = left
        text = ", ".join(map(held_text, standing.held))
        if text and text != self._told:
            remark(f"closing: {text}")
        self._told = text


class GuardianWatching:
    """Tells what the guardian still sees held, whenever that changes."""

    def __init__(self) -> None:
        self._told: tuple[str, ...] | None = None

    def __call__(self, beat: GuardBeat) -> None:
        """One look."""
        if beat.held != self._told:
            remark(f"no trader answers; the guardian closes: {', '.join(beat.held) or 'nothing'}")
        self._told = beat.held


def confirm(level: KillLevel, held: Latched | None, newest: KillLevelSet | None) -> None:
    """Have the word typed. Raises ``UsageError`` when it is not."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"`quantum {WORD}` takes new risk again, and nobody is at the keyboard to say so: "
            "--yes says it"
        )
    cause = held or newest
    since = "" if cause is None else f" since {time_text(cause.at_ms)} by {cause.who}: {cause.why}"
    remark(f"{level if held is None else held.level} holds{since}")
    print(plain(f"Type {WORD} to take new risk again: "), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != WORD:
        raise UsageError("not confirmed, so nothing was changed")
