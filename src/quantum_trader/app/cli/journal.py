"""``quantum journal``: whether the record of our orders is whole, and what it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from quantum_trader.adapters.journal.chain import BrokenChain
from quantum_trader.adapters.journal.orders import ends, is_outcome
from quantum_trader.adapters.journal.reading import Noted, Reading, log_of, reading
from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    Common,
    DataDir,
    ForceProgress,
    Progress,
    command,
    new_app,
    remark,
    say,
    show_json,
)
from quantum_trader.app.config import load
from quantum_trader.app.parts import JOURNAL_FILE
from quantum_trader.app.story import tell, time_text
from quantum_trader.app.story.seen import seen_text, symbols_in
from quantum_trader.core.errors import StoreError, UsageError
from quantum_trader.core.events import Fact, OrderCommanded, tag_of

LAST = 20
UNREADABLE = "another version wrote this; it cannot be read here"

app = new_app()


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal is worth. ``records`` of it hold; ``head`` is the hash of the last of them.

    ``broken_at`` is the first record that does not hold; None when all do, or when the file cannot
    be read at all. ``unread`` records hold and were written by another version.
    """

    path: str
    intact: bool
    account: str | None
    records: int = 0
    head: str | None = None
    unread: int = 0
    broken_at: int | None = None
    what: str
    means: str
    remedy: str = ""


class Noting(msgspec.Struct, frozen=True, kw_only=True):
    """One record of an order; ``fact`` and ``at_ms`` are None when it cannot be read."""

    number: int
    at_ms: int | None
    kind: str
    text: str
    fact: Fact | None


class OrderLife(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the journal has it.

    ``state`` is ``sent`` (no answer yet), ``in doubt``, ``open`` or ``ended``; a venue's own order,
    which we never sent, is ``not ours``; ``unread`` where another version wrote some of it.
    """

    client_order_id: str
    plan_id: str | None
    symbol: str | None
    role: str | None
    state: str
    records: tuple[Noting, ...]


@dataclass(frozen=True, kw_only=True)
class OnJournal(Common):
    """Which journal is meant."""

    file: Annotated[
        Path | None, typer.Argument(help="A journal, or a copy of one; else that in the folder.")
    ] = None
    data_dir: DataDir = None


@dataclass(frozen=True, kw_only=True)
class VerifyOptions(OnJournal):
    """What ``journal verify`` takes."""

    head: Annotated[
        str | None, typer.Option(help="A head noted earlier: the journal must still have it.")
    ] = None
    progress: ForceProgress = False


@dataclass(frozen=True, kw_only=True)
class ShowOptions(OnJournal):
    """What ``journal show`` takes."""

    plan: Annotated[
        str | None, typer.Option(help="All orders of a plan or trace, or the order of this name.")
    ] = None
    last: Annotated[
        int | None, typer.Option(min=1, help=f"The newest orders; {LAST} unless told.")
    ] = None


@command(app, VerifyOptions)
def verify(options: VerifyOptions) -> int:
    """Walk the chain of hashes from the first record to the last. Exit code 1 when it breaks.

    Nothing is written and nobody is disturbed: the system may run.
    """
    anchor, path = _anchor(options.head), path_of(options)
    alone = not log_of(path).exists()
    found = _verified(path, anchor, forced=options.progress)
    if not found.intact and alone and log_of(path).exists():
        # A system was started meanwhile, and we read the file beside its log.
        found = _verified(path, anchor, forced=options.progress)
    if options.as_json:
        show_json(found)
    elif found.intact:
        say(f"{found.what}\nhead {found.head}")
        remark(found.means)
    else:
        say(f"{found.what}\nmeans: {found.means}\nto do: {found.remedy}")
    return DONE if found.intact else FOUND


@command(app, ShowOptions)
def show(options: ShowOptions) -> int:
    """Orders from the command to the end, record by record, and what the venue showed meanwhile."""
    if options.plan is not None and options.last is not None:
        raise UsageError("--plan and --last each say which orders; give one of them")
    path = path_of(options)
    with reading(path) as journal:
        lives = _lives(journal, options)
        seen = _seen(journal, options, lives)
    if options.as_json:
        show_json({"path": str(path), "orders": lives, "seen": seen})
        return DONE
    for life in lives:
        plan = f"  plan {life.plan_id}" if life.plan_id else ""
        what = f"{life.symbol or ''} {life.role or ''}"
        say(f"{life.client_order_id}  {what}{plan}  {life.state}")
        _say(life.records)
    if not lives:
        say("no order was ever sent")
    if seen:
        say("what the venue showed, whenever it showed anything new")
        _say(seen)
    return DONE


def _say(records: Sequence[Noting]) -> None:
    for noting in records:
        when = "" if noting.at_ms is None else time_text(noting.at_ms)
        say(f"{noting.number:>9}  {when:<23}  {noting.text}")


def path_of(options: OnJournal) -> Path:
    """The journal that is meant. Raises ``UsageError`` when it does not exist."""
    path = options.file or load(typed={"data_dir": options.data_dir}).home / JOURNAL_FILE
    if path.is_dir():
        path = path / JOURNAL_FILE
    if not path.is_file():
        raise UsageError(
            f"there is no journal at {path}; name the file, or its folder with --data-dir"
        )
    return path


def _anchor(text: str | None) -> bytes | None:
    try:
        return None if text is None else bytes.fromhex(text)
    except ValueError:
        raise UsageError(
            f"--head: {text!r} is no hash; `quantum journal verify` prints it"
        ) from None


def _verified(path: Path, anchor: bytes | None, *, forced: bool) -> Verified:
    account = None
    try:
        with reading(path) as journal:
            account = journal.account()
            with Progress("verifying the journal", journal.count(), forced=forced) as progress:
                checked = journal.check(progress.advance, anchor)
    except BrokenChain as error:
        return _broken(path, account, error)
    except StoreError as error:
        return _unusable(path, account, error)
    unread = f"; {checked.unread:,} of them written by another version" if checked.unread else ""
    return Verified(
        path=str(path),
        intact=True,
        account=account,
        records=checked.records,
        head=checked.head.hex(),
        unread=checked.unread,
        what=f"intact: {checked.records:,} records of {account or 'nobody'}{unread}",
        means=(
            "No record was changed, removed or put in between. What is cut off at the end leaves "
            "no trace: note the head somewhere else, and ask for it later with --head."
        ),
    )


def _broken(path: Path, account: str | None, error: BrokenChain) -> Verified:
    good = error.number - 1
    worth = f"Records 1 to {good:,} are as they were written" if good else "No record is proven"
    return Verified(
        path=str(path),
        intact=False,
        account=account,
        records=good,
        broken_at=error.number,
        what=f"broken at record {error.number}: {error}",
        means=(
            f"{worth}; what comes after proves nothing about what was sent or filled. Orders and "
            "stops at the venue are not touched by this, and the venue's word counts."
        ),
        remedy=(
            "`quantum halt` first. Copy the whole folder away as evidence, and compare orders and "
            "positions with the venue's own. Go on with a copy of the folder whose journal "
            "verifies, or with a new account (docs/recovery.md)."
        ),
    )


def _unusable(path: Path, account: str | None, error: StoreError) -> Verified:
    return Verified(
        path=str(path),
        intact=False,
        account=account,
        what=f"cannot be verified: {error}",
        means="Nothing is known of it. Orders and stops at the venue are not touched by this.",
        remedy=(
            f"A copy made while the system ran needs {log_of(path).name} beside it. If this is no "
            "copy, `quantum halt` first, and see docs/recovery.md."
        ),
    )


def _lives(journal: Reading, options: ShowOptions) -> list[OrderLife]:
    if options.plan is None:
        names = journal.last_orders(options.last or LAST)
    else:
        names = journal.orders_of(options.plan)
        if not names:
            raise UsageError(f"{options.plan}: the journal has no order of such a plan or trace")
    noted: dict[str, list[Noted]] = {name: [] for name in names}
    for note in journal.of_orders(names):
        noted[note.client_order_id].append(note)
    return [_life(name, notes) for name, notes in noted.items()]


def _seen(journal: Reading, options: ShowOptions, lives: Sequence[OrderLife]) -> list[Noting]:
    """The evidence beside the orders: of a plan, what its symbol showed while it lived."""
    numbers = [noting.number for life in lives for noting in life.records]
    span = (0, journal.count()) if options.plan is None else (min(numbers), max(numbers))
    symbols = {life.symbol for life in lives}
    return [
        Noting(number=number, at_ms=fact.at_ms, kind=tag_of(type(fact)), text=text, fact=fact)
        for number, fact in journal.seen(*span, options.last or LAST)
        if options.plan is None or symbols & symbols_in(fact)
        for text in [seen_text(fact)]
    ]


def _life(name: str, notes: list[Noted]) -> OrderLife:
    facts = [note.fact for note in notes if note.fact is not None]
    first = next(iter(facts), None)
    symbol = first.order.symbol if isinstance(first, OrderCommanded) else None
    return OrderLife(
        client_order_id=name,
        plan_id=getattr(first, "plan_id", None),
        symbol=symbol or getattr(first, "symbol", None),
        role=getattr(first, "role", None),
        state=_state(facts) if len(facts) == len(notes) else "unread",
        records=tuple(_notings(notes, facts)),
    )


def _state(facts: list[Fact]) -> str:
    """Where an order stands by what was noted about it."""
    if not any(isinstance(fact, OrderCommanded) for fact in facts):
        return "not ours"
    if any(map(ends, facts)):
        return "ended"
    if any(map(is_outcome, facts)):
        return "open"
    return "in doubt" if any(tag_of(type(fact)) == "order.in_doubt" for fact in facts) else "sent"


def _notings(notes: list[Noted], facts: list[Fact]) -> list[Noting]:
    story = tell([facts])
    texts = iter(() if story is None else [line.text for line in story.lines])
    return [
        Noting(
            number=note.number,
            at_ms=None if note.fact is None else note.fact.at_ms,
            kind="unread" if note.fact is None else tag_of(type(note.fact)),
            text=UNREADABLE if note.fact is None else next(texts),
            fact=note.fact,
        )
        for note in notes
    ]
