"""``quantum dlq``: messages nobody could process; look at them, and send them again once."""

from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import typer

from quantum_trader.app.cli.connection import connected, fact_in, wall_ms
from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    OnSystem,
    command,
    new_app,
    remark,
    say,
    show_json,
    show_table,
    wait,
)
from quantum_trader.app.health import REDRIVEN, letter_name
from quantum_trader.app.story import time_text
from quantum_trader.core.errors import UsageError
from quantum_trader.core.events import DeadLettered
from quantum_trader.ports import Bus, Commit, Output
from quantum_trader.streams import PREFIX, dead_letter_streams, is_numbered

LETTERS_MAX = 10_000
SERVICE = "dlq"

app = new_app()


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter; ``letter`` is its name here, ``redriven_at`` when it was sent again."""

    letter: str
    stream: str
    entry_id: str
    at_ms: int
    reason: str
    deliveries: int
    original: dict[str, str]
    redriven_at: str | None


@dataclass(frozen=True, kw_only=True)
class ListOptions(OnSystem):
    """What ``dlq list`` takes."""

    stream: Annotated[str | None, typer.Option(help="Such as trade.intent.dlq; else all.")] = None


@dataclass(frozen=True, kw_only=True)
class ShowOptions(OnSystem):
    """What ``dlq show`` takes."""

    letter: Annotated[str, typer.Argument(help="As `dlq list` names it.")]


@dataclass(frozen=True, kw_only=True)
class RedriveOptions(ShowOptions):
    """What ``dlq redrive`` takes."""

    again: Annotated[bool, typer.Option("--again", help="Even if it was sent before.")] = False


@command(app, ListOptions, "list")
def show_list(options: ListOptions) -> int:
    """All dead letters, oldest first."""
    letters = wait(_listed(options))
    if options.as_json:
        show_json({"letters": letters})
        return DONE
    if not letters:
        say("no dead letters")
        return DONE
    show_table(
        ("letter", "when", "of", "redriven", "reason"),
        [
            (
                each.letter,
                time_text(each.at_ms),
                each.stream.removeprefix(PREFIX),
                each.redriven_at,
                each.reason,
            )
            for each in letters
        ],
    )
    return DONE


@command(app, ShowOptions, "show")
def show_one(options: ShowOptions) -> int:
    """One dead letter with every field of the original message."""
    letter = wait(_one(options))
    if options.as_json:
        show_json({"letter": letter, "original": _texts(letter)})
        return DONE
    say(f"{letter.letter}  {letter.stream} {letter.entry_id}  {time_text(letter.at_ms)}")
    say(f"reason: {letter.reason} (delivered {letter.deliveries} times)")
    for name, text in _texts(letter).items():
        say(f"{name}: {text}")
    return DONE


@command(app, RedriveOptions, "redrive")
def redrive(options: RedriveOptions) -> int:
    """Send the original message, byte for byte, to its stream again: once.

    Exit code 1 when it was sent before and --again was not given.
    """
    letter, sent = wait(_redriven(options))
    if options.as_json:
        show_json({"letter": letter.letter, "stream": letter.stream, "redriven": sent})
    elif sent:
        say(f"{letter.letter} was sent to {letter.stream} again")
    else:
        remark(f"{letter.letter} was sent again before ({letter.redriven_at}); --again insists")
    return DONE if sent else FOUND


async def letters_in(bus: Bus, key: str) -> AsyncIterator[Letter]:
    """The dead letters of one stream, oldest first."""
    redriven = await bus.projection(REDRIVEN)
    for entry in await bus.span(key, "-", "+", LETTERS_MAX):
        fact = fact_in(entry)
        if isinstance(fact, DeadLettered):
            sent = redriven.get(letter_name(key, entry.id))
            yield Letter(
                letter=f"{key.removeprefix(PREFIX)}/{entry.id}",
                stream=fact.stream,
                entry_id=fact.entry_id,
                at_ms=fact.at_ms,
                reason=fact.reason,
                deliveries=fact.deliveries,
                original=fact.original,
                redriven_at=None if sent is None else time_text(int(sent)),
            )


async def find(bus: Bus, name: str) -> Letter:
    """A letter by its name, or by its id alone where that is clear. Raises ``UsageError``."""
    found = [
        letter
        for key in dead_letter_streams()
        async for letter in letters_in(bus, key)
        if name in (letter.letter, letter.letter.rpartition("/")[2])
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"{name}: there is no such dead letter; `quantum dlq list` names them")
    raise UsageError(f"{name} could be {' or '.join(letter.letter for letter in found)}")


async def send_again(bus: Bus, letter: Letter, at_ms: int) -> None:
    """Append the original bytes and remember it, in one commit.

    Raises ``UsageError`` for a letter without an original, and for a stream whose writer numbers
    its entries: a stranger's entry would shut that writer out.
    """
    if not letter.original:
        raise UsageError(f"{letter.letter}: the original was deleted before it was read")
    if is_numbered(letter.stream):
        raise UsageError(
            f"{letter.letter}: entries of {letter.stream} are numbered by their writer and cannot "
            "be added by hand. Correct the cause; `quantum explain` shows what it was about"
        )
    fields = {name.encode("latin-1"): b64decode(value) for name, value in letter.original.items()}
    key, _, entry_id = (PREFIX + letter.letter).rpartition("/")
    name = letter_name(key, entry_id)
    await bus.commit(
        Commit(
            service=SERVICE,
            epoch=await bus.take_lease(SERVICE),
            seq=1,
            inbox=msgspec.json.encode({"redriven": name}),
            outputs=[Output(letter.stream, "*", fields)],
            acks={},
            projections={REDRIVEN: {name: str(at_ms).encode()}},
            snapshot=None,
        )
    )


async def _listed(options: ListOptions) -> list[Letter]:
    keys = dead_letter_streams()
    if options.stream is not None:
        keys = (PREFIX + options.stream.removeprefix(PREFIX),)
        if keys[0] not in dead_letter_streams():
            raise UsageError(f"{options.stream} is no stream of dead letters")
    async with connected(options.url, options.data_dir) as bus:
        return [letter for key in keys async for letter in letters_in(bus, key)]


async def _one(options: ShowOptions) -> Letter:
    async with connected(options.url, options.data_dir) as bus:
        return await find(bus, options.letter)


async def _redriven(options: RedriveOptions) -> tuple[Letter, bool]:
    async with connected(options.url, options.data_dir) as bus:
        letter = await find(bus, options.letter)
        if letter.redriven_at is not None and not options.again:
            return letter, False
        await send_again(bus, letter, wall_ms())
        return letter, True


def _texts(letter: Letter) -> dict[str, Any]:
    """The original's fields as text; bytes that are no text are shown escaped."""
    return {
        name: b64decode(value).decode("utf-8", "backslashreplace")
        for name, value in letter.original.items()
    }
