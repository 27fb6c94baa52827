"""Having a group pass over what it has not read: looked at, counted, and on record as a fact.

A position of a group that is set by hand leaves no trace of what was never read. This is the one
way. Fills, orders and the words of people are not passed over by whoever trades by them.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from quantum_trader.core.errors import StoreError, UsageError
from quantum_trader.core.events import BacklogSkipped, Fact
from quantum_trader.core.stream_info import Backlog
from quantum_trader.ports import Bus, Output
from quantum_trader.services import wire
from quantum_trader.streams import (
    EXECUTION_RESULT,
    OPERATOR,
    OPERATOR_STREAM,
    ORDER_COMMAND,
    PREFIX,
    TRADE_INTENT,
    groups,
)
from quantum_trader.streams.ids import parse

NEWEST = "newest"
LOOKED_AT = 100

NEVER: Mapping[str, str] = {
    ORDER_COMMAND: "stops and exits would never be sent",
    EXECUTION_RESULT: "fills and funding would never be booked, and positions stay unprotected",
    OPERATOR_STREAM: "halts, rules and other orders of people would never be obeyed",
}
"""What a service of ours would lose by it."""

State = Literal["nothing", "told", "passed", "changed"]


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """A backlog and what became of it; ``first_ms`` and ``last_ms`` are its ends, where readable.

    ``told``: nothing was done yet. ``changed``: it was not what was seen, so nothing was done.
    """

    stream: str
    group: str
    state: State
    count: int
    first: str
    last: str
    first_ms: int | None
    last_ms: int | None
    means: str


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """Who has it passed over and why; ``at_ms`` is when, ``account`` whose."""

    who: str
    why: str
    at_ms: int
    account: str


async def look_at(bus: Bus, stream: str, group: str, to: str) -> Passed:
    """What a group has not read up to an id, or up to the newest entry.

    Raises ``UsageError`` for what must not be passed over, and for a group that does not exist.
    """
    key = PREFIX + stream.removeprefix(PREFIX)
    if (group, key) in groups() and key in NEVER:
        raise UsageError(
            f"{group} cannot pass over anything of {key.removeprefix(PREFIX)}: {NEVER[key]}. "
            "Let it read them, or `quantum flatten` first and begin with a new account"
        )
    info = await bus.info(key)
    known = () if info is None else tuple(one.service for one in info.groups)
    if info is None or group not in known:
        whose = ", ".join(known) or "none"
        raise UsageError(f"{stream} has no group {group}; there are: {whose}")
    seen = await bus.backlog(group, key, info.last_id if to == NEWEST else _id_of(to))
    return Passed(
        stream=key.removeprefix(PREFIX),
        group=group,
        state="told" if seen.count else "nothing",
        count=seen.count,
        first=seen.first,
        last=seen.last,
        first_ms=await _time_of(bus, key, seen.first),
        last_ms=await _time_of(bus, key, seen.last),
        means=_means(key, group),
    )


async def pass_over(bus: Bus, seen: Passed, by: Pass) -> Passed:
    """Acknowledge unread what was seen, and put it on record, in one step.

    What was passed over before, by a call whose answer was lost too, is not put on record twice.
    """
    key, backlog = PREFIX + seen.stream, Backlog(seen.count, seen.first, seen.last)
    fact = BacklogSkipped(
        id=f"{OPERATOR}:backlog:{seen.stream}:{seen.group}:{seen.first}:{seen.last}",
        at_ms=by.at_ms,
        trace_id="",
        account=by.account,
        stream=seen.stream,
        group=seen.group,
        count=seen.count,
        first=seen.first,
        last=seen.last,
        who=by.who,
        why=by.why,
    )
    audit = Output(OPERATOR_STREAM, "*", wire.write(fact))
    if await bus.skip(seen.group, key, seen.last, backlog, audit):
        return msgspec.structs.replace(seen, state="passed")
    for entry in await bus.last(OPERATOR_STREAM, LOOKED_AT):
        if entry.fields == audit.fields:  # The first answer was lost, and it was asked again.
            return msgspec.structs.replace(seen, state="passed")
    left = await bus.backlog(seen.group, key, seen.last)
    return msgspec.structs.replace(seen, state="changed" if left.count else "nothing")


def _id_of(text: str) -> str:
    try:
        parse(text)
    except StoreError as error:
        raise UsageError(f"--to: {error}; or {NEWEST}") from error
    return text


async def _time_of(bus: Bus, key: str, entry_id: str) -> int | None:
    """When what an entry says became true; None where that cannot be read."""
    for entry in await bus.span(key, entry_id, entry_id, 1) if entry_id else ():
        try:
            fact: Fact = wire.read(entry)
        except wire.UNREADABLE:
            return None
        return fact.at_ms
    return None


def _means(key: str, group: str) -> str:
    if (group, key) not in groups():
        return "No service of ours reads by this group; no position is touched by it."
    if key == TRADE_INTENT:
        return "What they propose is never answered: no entry and no close comes of it."
    return f"{group} never learns what they say. Stops and exits stay as they are."
