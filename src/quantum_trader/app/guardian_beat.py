"""What the guardian of a folder last said, for everybody who is not the guardian."""

from collections.abc import Iterator
from pathlib import Path

from quantum_trader.adapters.beat_file import BeatFile
from quantum_trader.app.health import Finding
from quantum_trader.app.story import span_text
from quantum_trader.services.guardian import GuardBeat

BEAT_FILE = "guardian.beat"
BEAT_AGE_MAX_MS = 10_000


def beat_file(folder: Path) -> BeatFile[GuardBeat]:
    """Where the guardian of a folder shows that it lives."""
    return BeatFile(folder / BEAT_FILE, GuardBeat)


def guardian_findings(folder: Path, now_ms: int) -> Iterator[Finding]:
    """What is wrong with the guardian of a folder; nothing where none was ever started."""
    found = beat_file(folder).read()
    if found is None:
        return
    beat, at_ms = found
    if now_ms - at_ms > BEAT_AGE_MAX_MS:
        what = f"silent for {span_text(now_ms - at_ms)}: nobody protects what the trader does not"
        yield Finding("red", "guardian", what, "Start it: quantum guardian.")
    elif not beat.seen:
        what = f"cannot see the account ({beat.trouble})"
        yield Finding("red", "guardian", what, "Look at the venue, the key and the way to it.")
    elif beat.bare:
        what = f"{', '.join(beat.bare)} stands without stops for all of it"
        yield Finding("red", "guardian", what, "It acts by itself within seconds; look again.")
