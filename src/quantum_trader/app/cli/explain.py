"""``quantum explain``: the life of one intent in sentences."""

from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer

from quantum_trader.app.cli.frame import (
    DONE,
    ForceProgress,
    OnSystem,
    Progress,
    command,
    new_app,
    say,
    show_json,
    wait,
)
from quantum_trader.app.connection import account_of, connected
from quantum_trader.app.story import Story, tell, time_text
from quantum_trader.core.errors import Malformed, UsageError
from quantum_trader.core.events import DeadLettered, Fact, IntentProposed
from quantum_trader.core.intent_edge import plan_id_of, read_intent
from quantum_trader.ports import Bus, Entry
from quantum_trader.services.wire import fact_in
from quantum_trader.streams import EXPLAIN, TRADE_INTENT, TRADE_INTENT_DLQ, read_by

PAGE = 512
ENTRIES_MAX = 2_000_000
"""Per stream; a server that holds more keeps what should be in the archive."""
FOLLOWED = tuple(key for key in read_by(EXPLAIN) if key not in (TRADE_INTENT, TRADE_INTENT_DLQ))

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(OnSystem):
    """What ``explain`` takes."""

    trace: Annotated[str, typer.Argument(help="A trace id, a plan id or a signal id.")]
    progress: ForceProgress = False


@command(app, Options)
def explain(options: Options) -> int:
    """What was asked, judged, planned, sent, filled, protected, moved, harvested and booked."""
    found, facts = wait(_look(options))
    if found is None:
        raise UsageError(
            f"{options.trace}: no intent, plan or signal of this name is on the streams. "
            "It may be archived, or belong to another system; --url and --data-dir choose one"
        )
    if options.as_json:
        show_json({"query": options.trace, **msgspec.structs.asdict(found), "facts": facts})
        return DONE
    say(f"{found.trace_id}  {found.symbol}  plan {found.plan_id or '-'}  {found.outcome}")
    for line in found.lines:
        say(f"{time_text(line.at_ms)}  {line.text}".replace("\n", "\n" + " " * 25))
    return DONE


async def _look(options: Options) -> tuple[Story | None, list[Fact]]:
    async with connected(options.url, options.data_dir) as bus:
        streams = [await bus.info(key) for key in read_by(EXPLAIN)]
        total = sum(info.length for info in streams if info is not None)
        with Progress("reading the streams", total, forced=options.progress) as progress:
            found = await facts_of(bus, options.trace, await account_of(bus), progress)
    return tell(found), [fact for stream in found for fact in stream]


async def facts_of(bus: Bus, name: str, account: str, progress: Progress) -> list[Sequence[Fact]]:
    """The facts of one intent, stream by stream; ``name`` is a trace, plan or signal id."""
    intents = [
        fact
        async for entry in _entries(bus, TRADE_INTENT, progress)
        for fact in [_intent_in(entry, account)]
        if fact is not None and name in (fact.trace_id, fact.signal_id, plan_id_of(fact))
    ]
    names = {name, *(each.trace_id for each in intents), *map(plan_id_of, intents)}
    followed = [[fact async for fact in _related(bus, key, names, progress)] for key in FOLLOWED]
    letters = [
        fact
        async for entry in _entries(bus, TRADE_INTENT_DLQ, progress)
        for fact in [fact_in(entry)]
        if isinstance(fact, DeadLettered) and _mentions(fact, name)
    ]
    return [intents, *followed, letters]


async def _related(bus: Bus, key: str, names: set[str], progress: Progress) -> AsyncIterator[Fact]:
    """Facts of a stream whose trace or plan is one of these; only likely ones are decoded."""
    needles = [each.encode() for each in names]
    async for entry in _entries(bus, key, progress):
        payload = (entry.fields or {}).get(b"payload", b"")
        if not any(needle in payload for needle in needles):
            continue
        fact = fact_in(entry)
        if isinstance(fact, Fact) and not names.isdisjoint(
            (fact.trace_id, getattr(fact, "plan_id", ""))
        ):
            yield fact


async def _entries(bus: Bus, key: str, progress: Progress) -> AsyncIterator[Entry]:
    """A stream page by page, oldest first."""
    first, seen = "-", 0
    while seen < ENTRIES_MAX:
        page = [entry for entry in await bus.span(key, first, "+", PAGE) if entry.id != first]
        for entry in page:
            yield entry
        progress.advance(len(page))
        seen += len(page)
        if len(page) < PAGE - 1:
            return
        first = page[-1].id


def _intent_in(entry: Entry, account: str) -> IntentProposed | None:
    try:
        return read_intent(entry.fields, account=account)
    except Malformed:
        return None


def _mentions(letter: DeadLettered, name: str) -> bool:
    """Whether the original message, or its place, has this name."""
    if name == letter.entry_id:
        return True
    return any(name.encode() in b64decode(value) for value in letter.original.values())
