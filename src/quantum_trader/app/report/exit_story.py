"""How one position was left, step by step, short enough for a page with hundreds of them."""

from collections.abc import Sequence

import msgspec

from quantum_trader.app.story.exits import ExitFact, moment, sentence
from quantum_trader.core.events import ExitDecided

STEPS_MAX = 40
"""A story shows at most so many steps: the plan, and the newest of what followed."""
STEPS_LEAST = 6
STEPS_OF_ALL = 4_000
"""All stories together have about so many; where they would have more, the longest are cut."""


class Step(msgspec.Struct, frozen=True):
    """One step: when (epoch ms), which kind of fact or decision, and what it says."""

    t: int
    kind: str
    text: str


def exit_stories(positions: Sequence[Sequence[ExitFact]]) -> list[list[Step]]:
    """The steps of every position, oldest first, short enough to be shown together."""
    stories = [exit_story(facts) for facts in positions]
    most = _fitting([len(story) for story in stories])
    return [_shortened(story, most) for story in stories]


def exit_story(facts: Sequence[ExitFact]) -> list[Step]:
    """All steps of one position. A rule that moves the stop again and again is told once."""
    return [_step(run) for run in _runs(facts)]


def _fitting(lengths: Sequence[int]) -> int:
    """How many steps a story may have at most."""
    for most in range(STEPS_MAX, STEPS_LEAST, -1):
        if sum(min(length, most) for length in lengths) <= STEPS_OF_ALL:
            return most
    return STEPS_LEAST


def _shortened(steps: list[Step], most: int) -> list[Step]:
    """The first step, the newest ones, and how many are missing between them."""
    if len(steps) <= most:
        return steps
    newest = steps[2 - most :]
    left_out = len(steps) - 1 - len(newest)
    note = Step(newest[0].t, "note", f"{left_out} steps are left out here")
    return [steps[0], note, *newest]


def _runs(facts: Sequence[ExitFact]) -> list[list[ExitFact]]:
    """Facts that are told together: moves of the stop by one rule, with nothing in between."""
    runs: list[list[ExitFact]] = []
    for fact in facts:
        if runs and _goes_on(runs[-1][-1], fact):
            runs[-1].append(fact)
        else:
            runs.append([fact])
    return runs


def _goes_on(before: ExitFact, fact: ExitFact) -> bool:
    return (
        isinstance(before, ExitDecided)
        and isinstance(fact, ExitDecided)
        and before.kind == fact.kind == "MOVE_STOP"
        and (before.rule, before.done) == (fact.rule, fact.done)
    )


def _step(run: Sequence[ExitFact]) -> Step:
    first, last = run[0], run[-1]
    kind = first.kind.lower() if isinstance(first, ExitDecided) else "fact"
    text = sentence(first)
    if isinstance(last, ExitDecided) and len(run) > 1:
        times = "once" if len(run) == 2 else f"{len(run) - 1} times"
        text += f"; and {times} more, at last to {last.price} at {moment(last)}"
    return Step(first.at_ms, kind, text)
