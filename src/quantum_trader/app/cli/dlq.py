"""``quantum dlq``: messages nobody could process; look at them, and deal with them, on record."""

from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import typer

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
from quantum_trader.app.cli.operate import who
from quantum_trader.app.connection import account_of, connected, time_there, wall_ms
from quantum_trader.app.letters import (
    By,
    Desk,
    Letter,
    all_letters,
    find,
    kind_of,
    letters_in,
    unsendable,
)
from quantum_trader.app.story import time_text
from quantum_trader.core.errors import UsageError
from quantum_trader.ports import Bus
from quantum_trader.streams import PREFIX, dead_letter_streams

app = new_app()


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Letters of one kind: how many, how many of them wait, and one of them to look at.

    ``reason`` is what their reasons have in common; None where they were not told apart by it.
    """

    reason: str | None
    stream: str
    count: int
    waiting: int
    oldest_ms: int
    newest_ms: int
    example: str


class Left(msgspec.Struct, frozen=True):
    """A letter that was not sent, and why."""

    letter: str
    why: str


class Redriven(msgspec.Struct, frozen=True, kw_only=True):
    """What became of many letters. ``would`` were not sent yet: nobody said --yes.

    ``poison`` are those among them that broke what read them: until that is mended, each ends the
    process as often as it did.
    """

    redriven: tuple[str, ...]
    would: tuple[str, ...]
    poison: tuple[str, ...]
    left: tuple[Left, ...]


@dataclass(frozen=True, kw_only=True)
class ListOptions(OnSystem):
    """What ``dlq list`` takes."""

    stream: Annotated[str | None, typer.Option(help="Such as trade.intent.dlq; else all.")] = None
    by: Annotated[
        Literal["reason", "stream"] | None,
        typer.Option(help="Count letters of one kind together: by reason, or by stream alone."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ShowOptions(OnSystem):
    """What ``dlq show`` takes."""

    letter: Annotated[str, typer.Argument(help="As `dlq list` names it.")]


@dataclass(frozen=True, kw_only=True)
class DealOptions(OnSystem):
    """What every way to deal with letters takes."""

    letter: Annotated[str | None, typer.Argument(help="As `dlq list` names it.")] = None
    reason: Annotated[
        str | None, typer.Option(help="All that wait and have this in their reason.")
    ] = None
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it is only told.")] = False
    who: Annotated[str | None, typer.Option(help="Your name, for the log.")] = None
    why: Annotated[str, typer.Option(help="The reason; it stays in the log.")] = ""


@dataclass(frozen=True, kw_only=True)
class RedriveOptions(DealOptions):
    """What ``dlq redrive`` takes."""

    again: Annotated[bool, typer.Option("--again", help="Even if it was sent before.")] = False


@command(app, ListOptions, "list")
def show_list(options: ListOptions) -> int:
    """All dead letters, oldest first; or how many there are of each kind."""
    letters = wait(_listed(options))
    if options.by is not None:
        _show_groups(options, _grouped(letters, by_reason=options.by == "reason"))
    elif options.as_json:
        show_json({"letters": letters})
    elif not letters:
        say("no dead letters")
    else:
        columns = ("letter", "when", "of", "state", "sent again", "reason")
        show_table(columns, [_row(each) for each in letters])
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
    say(f"{letter.state}; sent again {letter.times} times; first it was {letter.origin}")
    if letter.handled_ms is not None:
        why = f": {letter.handled_why}" if letter.handled_why else ""
        say(f"last dealt with by {letter.handled_by} at {time_text(letter.handled_ms)}{why}")
    for name, text in _texts(letter).items():
        say(f"{name}: {text}")
    return DONE


@command(app, RedriveOptions, "redrive")
def redrive(options: RedriveOptions) -> int:
    """Send the original message, byte for byte, to its stream again: once.

    Exit code 1 when it was sent before and --again was not given. With --reason every letter of
    that kind is sent; what came back after it was sent is left out, unless --again.
    """
    if (options.letter is None) == (options.reason is None):
        raise UsageError("name one letter, or what its reason has with --reason")
    if options.letter is None:
        return _show_many(options, wait(_redriven_all(options)))
    letter, sent = wait(_redriven(options, options.letter))
    if options.as_json:
        show_json({"letter": letter.letter, "stream": letter.stream, "redriven": sent})
    elif sent:
        say(f"{letter.letter} was sent to {letter.stream} again")
    else:
        remark(f"{letter.letter} was sent again before ({letter.redriven_at}); --again insists")
    return DONE if sent else FOUND


@command(app, DealOptions, "seen")
def seen(options: DealOptions) -> int:
    """Say that somebody looked at a letter and left it: it waits no longer, and stays."""
    if (options.letter is None) == (options.reason is None):
        raise UsageError("name one letter, or what its reason has with --reason")
    done, told = wait(_seen(options))
    if options.as_json:
        show_json({"seen": done, "would": told})
    elif told:
        say(f"{len(told):,} letters would be seen, {told[0]} first; --yes does it")
    else:
        say(f"{len(done):,} letters are seen; it is on record" if done else "none of it waits")
    return DONE


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


async def _redriven(options: RedriveOptions, name: str) -> tuple[Letter, bool]:
    async with connected(options.url, options.data_dir) as bus:
        desk = await _desk(bus, options)
        letter = await find(bus, name)
        return letter, await desk.redrive(letter, again=options.again)


async def _redriven_all(options: RedriveOptions) -> Redriven:
    """Send every letter of a kind; only tell which, unless somebody said yes."""
    async with connected(options.url, options.data_dir) as bus:
        desk = await _desk(bus, options) if options.yes else None
        sent, would, poison, left = [], [], [], []
        for letter in await _of_kind(bus, options):
            why_not = unsendable(letter)
            if why_not is None and letter.times and not options.again:
                why_not = f"it was sent again before ({letter.redriven_at}) and came back"
            if why_not is not None:
                left.append(Left(letter.letter, why_not))
                continue
            if letter.deliveries > 1:
                poison.append(letter.letter)
            if desk is None:
                would.append(letter.letter)
            elif await desk.redrive(letter, again=options.again):
                sent.append(letter.letter)
        return Redriven(
            redriven=tuple(sent), would=tuple(would), poison=tuple(poison), left=tuple(left)
        )


async def _seen(options: DealOptions) -> tuple[list[str], list[str]]:
    """The letters that are seen now, and those that would be if somebody said yes."""
    async with connected(options.url, options.data_dir) as bus:
        sure = options.yes or options.letter is not None
        desk = await _desk(bus, options) if sure else None
        if options.letter is not None:
            letters = [await find(bus, options.letter)]
        else:
            letters = await _of_kind(bus, options)
        if desk is None:
            return [], [one.letter for one in letters]
        return [one.letter for one in letters if await desk.see(one)], []


async def _desk(bus: Bus, options: DealOptions) -> Desk:
    now = await time_there(bus, wall_ms())
    by = By(
        who=options.who or who(),
        why=options.why,
        at_ms=now.at_ms,
        account=await account_of(bus),
    )
    return await Desk.of(bus, by)


async def _of_kind(bus: Bus, options: DealOptions) -> list[Letter]:
    """Every letter that waits and has the words in its reason, or in that of its kind."""
    words = (options.reason or "").casefold()
    if not words.strip():
        raise UsageError("--reason: some words of it; `quantum dlq list --by reason` shows them")
    return [
        one
        for one in await all_letters(bus)
        if one.waits and words in f"{one.reason}\n{kind_of(one.reason)}".casefold()
    ]


def _grouped(letters: Iterable[Letter], *, by_reason: bool) -> list[Group]:
    """Letters of a kind together, the largest group first."""
    kinds: dict[tuple[str | None, str], list[Letter]] = defaultdict(list)
    for one in letters:
        kinds[kind_of(one.reason) if by_reason else None, one.stream].append(one)
    groups = [
        Group(
            reason=reason,
            stream=stream.removeprefix(PREFIX),
            count=len(those),
            waiting=sum(one.waits for one in those),
            oldest_ms=those[0].at_ms,
            newest_ms=those[-1].at_ms,
            example=next((one.letter for one in those if one.waits), those[0].letter),
        )
        for (reason, stream), those in kinds.items()
    ]
    return sorted(groups, key=lambda group: (-group.waiting, -group.count))


def _show_groups(options: ListOptions, groups: Sequence[Group]) -> None:
    if options.as_json:
        show_json({"groups": groups})
        return
    if not groups:
        say("no dead letters")
        return
    show_table(
        ("waiting", "of", "stream", "oldest", "example", "reason"),
        [
            (
                f"{one.waiting:,}",
                f"{one.count:,}",
                one.stream,
                time_text(one.oldest_ms),
                one.example,
                one.reason,
            )
            for one in groups
        ],
    )


def _show_many(options: RedriveOptions, done: Redriven) -> int:
    if options.as_json:
        show_json(done)
    elif done.would:
        say(
            f"{len(done.would):,} letters would be sent again, {done.would[0]} first; --yes does it"
        )
    else:
        say(f"{len(done.redriven):,} letters were sent again; it is on record")
    if not options.as_json:
        if done.poison:
            remark(f"{len(done.poison):,} of them broke what read them: mend that first")
        for one in done.left:
            remark(f"left: {one.letter}: {one.why}")
    return FOUND if done.left else DONE


def _row(letter: Letter) -> tuple[object, ...]:
    return (
        letter.letter,
        time_text(letter.at_ms),
        letter.stream.removeprefix(PREFIX),
        letter.state,
        letter.redriven_at,
        letter.reason,
    )


def _texts(letter: Letter) -> dict[str, Any]:
    """The original's fields as text; bytes that are no text are shown escaped."""
    return {
        name: b64decode(value).decode("utf-8", "backslashreplace")
        for name, value in letter.original.items()
    }
