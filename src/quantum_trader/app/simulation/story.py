"""A world that failed, made as small as it goes, and told so that a person can follow."""

import re
from collections.abc import Iterator

import msgspec

from quantum_trader.app.simulation.tape import Line, clock_text
from quantum_trader.app.simulation.violation import INVARIANTS
from quantum_trader.app.simulation.world import HOSTILE_MS, Outcome, Scenario, run

TRIES_MAX = 40
LINES_MAX = 45
ALWAYS_TOLD = ("machine", "bus", "operator", "world", "market")
NAMES = re.compile(r"q1[A-Z][0-9A-F]{24}|\bp[0-9a-f]{20}\b|\b[A-Z]+USDT\b")


def shrink(failed: Outcome) -> Outcome:
    """The same violation with fewer kinds of faults and in less time, as far as that goes."""
    best, tries = failed, 0
    for scenario in _smaller(failed):
        if tries >= TRIES_MAX:
            break
        tries += 1
        wanted = _merged(best.scenario, scenario)
        if wanted is None:
            continue
        again = run(wanted)
        if _of(again) == _of(failed):
            best = again
    return best


def _of(outcome: Outcome) -> str | None:
    return None if outcome.violation is None else outcome.violation.invariant


def _smaller(failed: Outcome) -> Iterator[Scenario]:
    """What to try, each taken from what has worked: without what never struck, without one kind
    after the other, and shorter.
    """
    scenario = failed.scenario
    struck = tuple(sorted(failed.faults))
    yield msgspec.structs.replace(scenario, only=struck)
    for kind in struck:
        yield msgspec.structs.replace(scenario, only=(f"-{kind}",))
    for share in (0.25, 0.5, 0.75):
        yield msgspec.structs.replace(scenario, hostile_ms=int(scenario.hostile_ms * share))


def _merged(best: Scenario, wanted: Scenario) -> Scenario | None:
    """What is wanted, taken from the best so far; None when that is no smaller."""
    if wanted.hostile_ms < best.hostile_ms:
        return msgspec.structs.replace(best, hostile_ms=wanted.hostile_ms)
    only = wanted.only or ()
    if only and only[0].startswith("-"):
        left = tuple(kind for kind in best.only or () if kind != only[0][1:])
        return msgspec.structs.replace(best, only=left) if left != best.only else None
    return wanted


def command(outcome: Outcome, plant: str | None = None) -> str:
    """What repeats a world."""
    scenario = outcome.scenario
    words = ["quantum simulate", "--seeds 1", f"--seed {scenario.seed}"]
    if scenario.only is not None:
        words.append(f"--faults {','.join(scenario.only) or 'none'}")
    if scenario.hostile_ms != HOSTILE_MS:
        words.append(f"--seconds {scenario.hostile_ms / 1000:g}")
    if plant is not None:
        words.append(f"--plant {plant}")
    return " ".join([*words, "--trace"])


def told(outcome: Outcome, plant: str | None = None) -> str:
    """The story of a violation: what did not hold, what led there, and how to see it again."""
    found = outcome.violation
    if found is None:
        return "nothing was violated"
    kinds = ", ".join(outcome.scenario.only or outcome.faults) or "none"
    return "\n".join(
        [
            f"seed {outcome.scenario.seed}: {found.invariant} does not hold: "
            f"{INVARIANTS[found.invariant]}",
            f"at {clock_text(found.at_ms)}: {found.what}",
            f"faults that it takes: {kinds}",
            "",
            *map(str, _about(outcome.lines, found.what)),
            "",
            f"again: {command(outcome, plant)}",
        ]
    )


def _about(lines: tuple[Line, ...], what: str) -> list[Line]:
    """The last lines that have to do with what was violated, or that befell everybody."""
    names = set(NAMES.findall(what))
    chosen = [
        line
        for line in lines
        if line.who in ALWAYS_TOLD or not names or names & set(NAMES.findall(line.what))
    ]
    return chosen[-LINES_MAX:]
