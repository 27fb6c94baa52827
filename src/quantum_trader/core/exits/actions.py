"""Every name under which an exit was ever proposed, as what it means: hold, reduce, close, move.

This is the edge for proposals from outside. A name that nobody knows is refused, whatever it may
have meant: closing everything is never the meaning of not understanding.
"""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from quantum_trader.core.errors import Malformed
from quantum_trader.core.exits.decision import DecisionKind

StopMove = Literal["BREAK_EVEN", "TRAIL", "PRICE"]
"""Where a stop goes: beyond entry and costs, behind the best price, or to a price that is told."""

DYNAMIC = re.compile(r"HARVEST_DYNAMIC_([0-9]{1,3})PCT")


class Action(msgspec.Struct, frozen=True):
    """What a name means. ``frac`` is of the initial quantity (REDUCE); ``stop`` is MOVE_STOP's.

    ``frac`` None with REDUCE, and ``stop`` "PRICE", mean that the message has to say it.
    """

    kind: DecisionKind
    frac: float | None = None
    stop: StopMove | None = None


HOLD = Action("HOLD")
CLOSE = Action("CLOSE")
TO_BREAK_EVEN = Action("MOVE_STOP", stop="BREAK_EVEN")
TRAIL = Action("MOVE_STOP", stop="TRAIL")
TO_PRICE = Action("MOVE_STOP", stop="PRICE")
AS_TOLD = Action("REDUCE")

ACTIONS: Mapping[str, Action] = {
    "NONE": HOLD,
    "NOOP": HOLD,
    "HOLD": HOLD,
    "HOLD_SUPPRESSED": HOLD,
    "HOLD_CLOSE_SHADOW": HOLD,
    "DEFENSIVE_HOLD": HOLD,
    "QUARANTINE": HOLD,
    "REDUCE_SMALL": Action("REDUCE", 0.10),
    "PARTIAL_25": Action("REDUCE", 0.25),
    "PARTIAL_25_PROPOSED": Action("REDUCE", 0.25),
    "PARTIAL_CLOSE_25": Action("REDUCE", 0.25),
    "REDUCE_25": Action("REDUCE", 0.25),
    "REDUCE_MEDIUM": Action("REDUCE", 0.25),
    "PARTIAL_50": Action("REDUCE", 0.50),
    "PARTIAL_50_PROPOSED": Action("REDUCE", 0.50),
    "REDUCE_50": Action("REDUCE", 0.50),
    "TAKE_PROFIT_PARTIAL": Action("REDUCE", 0.50),
    "HARVEST_70_KEEP_30": Action("REDUCE", 0.70),
    "PARTIAL_75": Action("REDUCE", 0.75),
    "TAKE_PROFIT_LARGE": Action("REDUCE", 0.75),
    "PARTIAL_CLOSE": AS_TOLD,
    "PARTIAL_CLOSE_PROPOSED": AS_TOLD,
    "HARVEST_PARTIAL": AS_TOLD,
    "CLOSE": CLOSE,
    "CLOSE_FULL": CLOSE,
    "FULL_CLOSE": CLOSE,
    "FULL_CLOSE_PROPOSED": CLOSE,
    "EMERGENCY_SL_CLOSE": CLOSE,
    "TIME_STOP_EXIT": CLOSE,
    "TOXICITY_UNWIND": CLOSE,
    "UPDATE_SL": TO_PRICE,
    "MOVE_TO_BREAKEVEN": TO_BREAK_EVEN,
    "MOVE_SL_BREAKEVEN": TO_BREAK_EVEN,
    "MOVE_SL_TRAIL": TRAIL,
    "TIGHTEN_TRAIL": TRAIL,
    "TIGHTEN_EXIT": TRAIL,
}

REFUSED: Mapping[str, str] = {
    "UNKNOWN": "an action; this is the word for not knowing one",
    "ENTRY_PROPOSED": "a way out; an entry is proposed on trade.intent",
}


def read_action(name: str, frac: float | None = None) -> Action:
    """What an action means; any case. ``frac`` is what the message says where the name does not.

    Raises ``Malformed`` for a name nobody knows, and for a reduction by no fraction or by one that
    is not between 0 and 1.
    """
    wanted = name.strip().upper()
    action = ACTIONS.get(wanted) or _dynamic(wanted)
    if action is None:
        raise Malformed("action", name, REFUSED.get(wanted) or f"one of {', '.join(known())}")
    if action != AS_TOLD:
        return action
    if frac is None or not 0.0 < frac < 1.0:
        raise Malformed("fraction", frac, f"how much {wanted} takes off, between 0 and 1")
    return Action("REDUCE", frac)


def known() -> tuple[str, ...]:
    """Every name that is understood; ``{n}`` stands for 1 to 100."""
    return (*ACTIONS, "HARVEST_DYNAMIC_{n}PCT")


def _dynamic(name: str) -> Action | None:
    """The part in per cent that the name itself tells; the whole of it is a close."""
    found = DYNAMIC.fullmatch(name)
    percent = int(found[1]) if found else 0
    if percent == 100:
        return CLOSE
    return Action("REDUCE", percent / 100) if 0 < percent < 100 else None
