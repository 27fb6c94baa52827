"""What the people who change the kill level are told."""

import msgspec

from quantum_trader.app.board import Held
from quantum_trader.app.standing import Standing, is_at, is_flat
from quantum_trader.app.trouble import FOUND, Trouble
from quantum_trader.core.errors import StoreError
from quantum_trader.core.events import KillLevelSet
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.services.guardian import GuardBeat

HALTED = "No new risk from now on; exits and stops go on. `quantum resume` ends it."
FLATTENED = "Every position is closed at market; no new risk until `quantum resume`."
DISARMED = f"Disarmed: only `quantum arm` lets real money be traded again. {HALTED}"
NOT_ARMED = f"Nothing was armed there. {HALTED}"
RESUMED = "Entries are judged again as usual."
NOT_HALTED = "Nothing was halted: entries are judged as usual."
FOLDER_UNKNOWN = "its data folder is not known: say --data-dir"
WORD = "resume"

_WHY_NOT = {
    "RUN": "It may be latched in a data folder that was not named: say --data-dir.",
    "else": "`quantum doctor` looks for the cause; stopping the process stops new risk at once.",
}
_STAND = "Open positions stay open, and their stops stay at the exchange."
_NO_ENTRY = "Without its streams no trader can send an order, so nothing new is entered."
_LATCHED = "It is latched in the data folder: the next start takes it before anything else."


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order.

    ``level`` is the one that holds now. ``ordered`` is the fact; None where an earlier one says as
    much, or where none could be written. ``in_force`` is whether the trader is there; None, like
    ``positions`` (what is held), when it could not be asked. ``latch`` is the file that holds the
    level, None where none does. ``guarded`` is what the guardian still sees held, where a FLATTEN
    is left to it because no trader carries it out; None where it was not asked.
    """

    level: KillLevel
    means: str
    ordered: KillLevelSet | None = None
    in_force: bool | None = None
    latch: str | None = None
    positions: tuple[Held, ...] | None = None
    guarded: tuple[str, ...] | None = None
    note: str | None = None
    problem: Trouble | None = None


def held_text(held: Held) -> str:
    """A position, or an entry under way, in words."""
    return f"{held.symbol} {held.side} {abs(held.qty):f}" if held.qty else f"{held.symbol} entry"


def note_of(standing: Standing, asked: KillLevel, level: KillLevel) -> str | None:
    """What is worth knowing although nothing is wrong."""
    notes = []
    if level != asked:
        notes.append(f"{level} holds, which includes {asked}; only `quantum {WORD}` lowers it.")
    if not standing.alive and not is_at(standing, level):
        notes.append("No trader runs there now; the next start begins with this.")
    return " ".join(notes) or None


def not_in_force(standing: Standing, level: KillLevel) -> Trouble | None:
    """A trader that lives and does not do as it was told."""
    if is_at(standing, level) or not standing.alive:
        return None
    return Trouble(
        code=FOUND,
        what=f"{level} was ordered, and the trader is still at {standing.level or 'no level'}",
        money=f"It may still act as before. {_STAND}",
        remedy=_WHY_NOT["RUN" if level == "RUN" else "else"],
    )


def not_flat(standing: Standing) -> Trouble | None:
    """Something is still open although it should be closed."""
    if is_flat(standing) or not standing.held:
        return None
    what = ", ".join(map(held_text, standing.held))
    why = "was not closed in time" if standing.alive else "stays: no trader runs that could close"
    return Trouble(
        code=FOUND,
        what=f"{what} {why}",
        money=f"The order to close stands and is tried again. {_STAND}",
        remedy="Repeat `quantum flatten` to go on watching; `quantum run` if it does not run; "
        "`quantum journal show` says what the exchange answered.",
    )


def guardian_closes(result: Result) -> str:
    """Who carries a FLATTEN out that no trader does."""
    why = "" if result.problem is None else f" ({result.problem.what})"
    return f"No trader carries it out{why}; the guardian closes everything within seconds."


def not_closed(beat: GuardBeat | None) -> Trouble:
    """The guardian lived when FLATTEN was latched, and it is not done."""
    if beat is None:
        what = "the guardian has fallen silent"
    elif not beat.seen:
        what = f"the guardian cannot see the account ({beat.trouble})"
    else:
        what = (
            f"the guardian still sees held: {', '.join(beat.held) or 'what it has not looked at'}"
        )
    return Trouble(
        code=FOUND,
        what=f"FLATTEN is latched and not carried out yet: {what}",
        money=f"The guardian tries it again and again while it lives. {_STAND} {_NO_ENTRY}",
        remedy="Repeat `quantum flatten` to go on watching; guardian.log in the data folder says "
        "what the venue answered. Closing by hand at the venue is always possible.",
    )


def still_armed(why: str) -> Trouble:
    """The leave to trade real money could not be taken away."""
    return Trouble(
        code=FOUND,
        what=f"the leave to trade real money may still be there: {why}",
        money="While the halt holds no order leaves that adds risk; after a resume one could.",
        remedy="Do not resume. Delete armed.json in the data folder of the system, or stop it: "
        "a leave ends with the run it was given to.",
    )


def unreachable(
    latched: KillLevel | None, asked: KillLevel, error: StoreError
) -> tuple[str | None, Trouble | None]:
    """Note and problem where at most the latch could be set: HALT needs no more, closing does."""
    what = str(error).rstrip(".")
    if latched is not None and asked == "HALT":
        return f"{what}. {_NO_ENTRY} {_LATCHED}", None
    if latched is not None:
        return None, Trouble(
            code=FOUND,
            what=f"{latched} is latched, and nothing is closed yet: {what}",
            money=f"{_STAND} {_NO_ENTRY}",
            remedy=f"Start the system (`quantum run`). {_LATCHED}",
        )
    return None, Trouble(
        code=FOUND,
        what=f"nobody heard it: {what}",
        money="Nothing was stopped. A system that runs somewhere else goes on trading.",
        remedy="Say where it is: --data-dir, or --url. Stopping its process stops new risk, too.",
    )


def not_latched(error: StoreError) -> Trouble:
    """The trader heard it, and the file could not be written."""
    return Trouble(
        code=FOUND,
        what=f"ordered, and not latched: {error}",
        money="The level holds in the trader's log. If the streams were lost, it would be too.",
        remedy="Make room or correct the permissions, then repeat the command.",
    )


def not_resumed(error: StoreError) -> Trouble:
    """The latch is gone, and the trader could not be told."""
    return Trouble(
        code=FOUND,
        what=f"the latch is taken away, and the trader was not told: {str(error).rstrip('.')}",
        money="What its own log says still holds: it may start halted, and it may close positions.",
        remedy=f"Start the system (`quantum run`), then repeat `quantum {WORD}`.",
    )
