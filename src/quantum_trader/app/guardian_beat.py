"""What the guardian of a folder last said, for everybody who is not the guardian."""

from collections.abc import Iterator
from pathlib import Path

from quantum_trader.adapters.beat_file import BeatFile
from quantum_trader.app.finding import Finding, red
from quantum_trader.app.instance import GUARDIAN_LOCK_FILE, holder_of
from quantum_trader.app.story import span_text
from quantum_trader.services.guardian import GuardBeat

BEAT_FILE = "guardian.beat"
BEAT_AGE_MAX_MS = 10_000
START = "Start it: `quantum guardian`."


def beat_file(folder: Path) -> BeatFile[GuardBeat]:
    """Where the guardian of a folder shows that it lives."""
    return BeatFile(folder / BEAT_FILE, GuardBeat)


def living_guardian(folder: Path, now_ms: int) -> GuardBeat | None:
    """How the guardian of a folder is; None where none lives, or it has been silent."""
    found = beat_file(folder).read()
    if found is None or now_ms - found[1] > BEAT_AGE_MAX_MS:
        return None
    return None if holder_of(folder, GUARDIAN_LOCK_FILE) is None else found[0]


def guardian_findings(folder: Path, now_ms: int, *, needed: bool = False) -> Iterator[Finding]:
    """What is wrong with the guardian of a folder; ``needed`` where there has to be one."""
    found = beat_file(folder).read()
    if found is None:
        if needed:
            what = "was never started here, and nobody trades real money without one"
            yield red("guardian.missing", "guardian", what, START)
        return
    beat, at_ms = found
    if now_ms - at_ms > BEAT_AGE_MAX_MS:
        what = f"silent for {span_text(now_ms - at_ms)}: nobody protects what the trader does not"
        yield red("guardian.silent", "guardian", what, START)
    elif not beat.seen:
        what = f"cannot see the account ({beat.trouble})"
        remedy = "Look at the venue, the key and the way to it."
        yield red("guardian.blind", "guardian", what, remedy)
    elif beat.bare:
        what = f"{', '.join(beat.bare)} stands without stops for all of it"
        remedy = "It acts by itself within seconds; look again, or `quantum flatten`."
        yield red("guardian.bare", "guardian", what, remedy)
