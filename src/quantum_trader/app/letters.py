"""Dead letters: what they are about, who has dealt with them, and sending them again.

What was done is remembered by the message that failed first, its origin, and not by the letter.
A message that was sent again and fails again comes back as a new entry and a new letter; it is
known by its bytes, and it waits, with the number of times it was sent.
"""

import re
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import sha256
from typing import Literal

import msgspec

from quantum_trader.app.story import time_text
from quantum_trader.core.errors import UsageError
from quantum_trader.core.events import DeadLettered, LetterHandled
from quantum_trader.ports import Bus, Commit, Output
from quantum_trader.services.wire import fact_in, write
from quantum_trader.streams import (
    DLQ,
    OPERATOR_STREAM,
    PREFIX,
    dead_letter_streams,
    inbox_of,
    is_numbered,
)
from quantum_trader.streams.ids import parse

MEMORY = "letters"
"""The projection that remembers what was done: a field per origin."""
LETTERS_MAX = 10_000
"""So many letters of a stream are looked at, the newest."""
NOTHING_YET = "0-0"

LetterState = Literal["waiting", "failed again", "redriven", "seen"]
Action = Literal["redriven", "seen"]


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter; ``letter`` is its name here.

    ``origin`` names the message that failed first, ``times`` how often it was sent again, the last
    time at ``redriven_at``. ``failed again`` waits as ``waiting`` does. ``handled_by`` dealt with
    its origin last, at ``handled_ms``, and said why.
    """

    letter: str
    stream: str
    entry_id: str
    at_ms: int
    reason: str
    deliveries: int
    original: dict[str, str]
    origin: str
    state: LetterState
    times: int
    redriven_at: str | None
    handled_by: str | None
    handled_why: str | None
    handled_ms: int | None

    @property
    def waits(self) -> bool:
        """Nobody has dealt with it."""
        return self.state in ("waiting", "failed again")

    @property
    def place(self) -> tuple[str, str]:
        """The stream and the id of the letter itself."""
        name, _, entry_id = self.letter.rpartition("/")
        return PREFIX + name, entry_id


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Who deals with letters and why; ``at_ms`` is when, ``account`` whose."""

    who: str
    why: str
    at_ms: int
    account: str


class Handled(msgspec.Struct, frozen=True, kw_only=True):
    """What was done about an origin: ``action`` on every letter up to ``upto``, last ``by``.

    ``digest`` is of its bytes; whatever has the same ones and came after ``behind`` is that message
    again.
    """

    digest: str
    behind: str
    times: int
    redriven_ms: int | None
    action: Action
    upto: str
    by: By


Memory = Mapping[str, Handled]


def kind_of(reason: str) -> str:
    """What reasons of one kind have in common: without the values that were in the message."""
    return re.sub(r"\d[\d,.]*", "N", re.sub(r"\bgot .*?, expected", "got ..., expected", reason))


async def remembered(bus: Bus) -> Memory:
    """What was done so far."""
    rows = await bus.projection(MEMORY)
    return {origin: msgspec.json.decode(row, type=Handled) for origin, row in rows.items()}


async def letters_in(bus: Bus, key: str) -> AsyncIterator[Letter]:
    """The dead letters of one stream, oldest first."""
    memory = await remembered(bus)
    for entry in reversed(await bus.last(key, LETTERS_MAX)):
        fact = fact_in(entry)
        if isinstance(fact, DeadLettered):
            yield _letter(key, entry.id, fact, memory)


async def all_letters(bus: Bus) -> list[Letter]:
    """Every dead letter of every stream."""
    return [letter for key in dead_letter_streams() async for letter in letters_in(bus, key)]


async def find(bus: Bus, name: str) -> Letter:
    """A letter by its name, or by its id alone where that is clear. Raises ``UsageError``."""
    letters = await all_letters(bus)
    found = [one for one in letters if name in (one.letter, one.letter.rpartition("/")[2])]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"{name}: there is no such dead letter; `quantum dlq list` names them")
    raise UsageError(f"{name} could be {' or '.join(letter.letter for letter in found)}")


def unsendable(letter: Letter) -> str | None:
    """Why a letter cannot be sent again, None when it can.

    A stranger's entry on a stream whose writer numbers its entries would shut that writer out.
    """
    if not letter.original:
        return "the original was deleted before it was read"
    if is_numbered(letter.stream):
        return (
            f"entries of {letter.stream} are numbered by their writer and cannot "
            "be added by hand. Correct the cause; `quantum explain` shows what it was about"
        )
    return None


class Desk:
    """Somebody who deals with letters; whoever sat here before is sent away first."""

    def __init__(self, bus: Bus, by: By, epoch: int, seq: int, memory: Memory) -> None:
        self._bus = bus
        self._by = by
        self._epoch = epoch
        self._memory = dict(memory)
        self._seq = seq

    @classmethod
    async def of(cls, bus: Bus, by: By) -> "Desk":
        """Sit down. What was done is read after that, so that nobody else can add to it."""
        epoch = await bus.take_lease(DLQ)
        done = await bus.info(inbox_of(DLQ))
        seq = 0 if done is None else parse(done.last_id)[1]
        return cls(bus, by, epoch, seq, await remembered(bus))

    async def redrive(self, letter: Letter, *, again: bool = False) -> bool:
        """Append the original bytes, and remember it, in one commit; False when it was done before.

        ``again`` insists. Raises ``UsageError`` for a letter that cannot be sent.
        """
        why_not = unsendable(letter)
        if why_not is not None:
            raise UsageError(f"{letter.letter}: {why_not}")
        before = self._memory.get(letter.origin)
        if before is not None and before.times and not again:
            return False
        info = await self._bus.info(letter.stream)
        behind = NOTHING_YET if info is None else info.last_id
        handled = Handled(
            digest=digest_of(letter.original),
            behind=before.behind if before is not None and before.times else behind,
            times=1 if before is None else before.times + 1,
            redriven_ms=self._by.at_ms,
            action="redriven",
            upto=max(letter.place[1], NOTHING_YET if before is None else before.upto, key=parse),
            by=self._by,
        )
        await self._commit(letter, handled, [Output(letter.stream, "*", bytes_of(letter))])
        return True

    async def see(self, letter: Letter) -> bool:
        """Remember that somebody looked at it and left it; False when it was dealt with before."""
        before = self._memory.get(letter.origin)
        if before is not None and parse(letter.place[1]) <= parse(before.upto):
            return False
        handled = Handled(
            digest=digest_of(letter.original),
            behind=NOTHING_YET if before is None else before.behind,
            times=0 if before is None else before.times,
            redriven_ms=None if before is None else before.redriven_ms,
            action="seen",
            upto=letter.place[1],
            by=self._by,
        )
        await self._commit(letter, handled, [])
        return True

    async def _commit(self, letter: Letter, handled: Handled, outputs: Sequence[Output]) -> None:
        self._seq += 1
        by = self._by
        fact = LetterHandled(
            id=f"{DLQ}:{letter.letter}:{handled.action}:{self._epoch}-{self._seq}",
            at_ms=by.at_ms,
            trace_id="",
            account=by.account,
            letter=letter.letter,
            action=handled.action,
            who=by.who,
            why=by.why,
        )
        row = msgspec.json.encode(handled)
        await self._bus.commit(
            Commit(
                service=DLQ,
                epoch=self._epoch,
                seq=self._seq,
                inbox=row,
                outputs=[*outputs, Output(OPERATOR_STREAM, "*", write(fact))],
                acks={},
                projections={MEMORY: {letter.origin: row}},
                snapshot=None,
            )
        )
        self._memory[letter.origin] = handled


def bytes_of(letter: Letter) -> dict[bytes, bytes]:
    """The original message, field by field."""
    return {name.encode("latin-1"): b64decode(text) for name, text in letter.original.items()}


def digest_of(original: Mapping[str, str]) -> str:
    """The SHA-256 of a message."""
    return sha256(msgspec.json.encode(sorted(original.items()))).hexdigest()


def _letter(key: str, entry_id: str, fact: DeadLettered, memory: Memory) -> Letter:
    origin = _origin_of(key, fact, memory)
    handled = memory.get(origin)
    return Letter(
        letter=f"{key.removeprefix(PREFIX)}/{entry_id}",
        stream=fact.stream,
        entry_id=fact.entry_id,
        at_ms=fact.at_ms,
        reason=fact.reason,
        deliveries=fact.deliveries,
        original=fact.original,
        origin=origin,
        state=_state_of(entry_id, handled),
        times=0 if handled is None else handled.times,
        redriven_at=_text_of(None if handled is None else handled.redriven_ms),
        handled_by=None if handled is None else handled.by.who,
        handled_why=None if handled is None else handled.by.why,
        handled_ms=None if handled is None else handled.by.at_ms,
    )


def _text_of(at_ms: int | None) -> str | None:
    return None if at_ms is None else time_text(at_ms)


def _origin_of(key: str, fact: DeadLettered, memory: Memory) -> str:
    """The message that failed first: this one, or one that was sent again with these bytes."""
    dead, stream = key.removeprefix(PREFIX), fact.stream.removeprefix(PREFIX)
    kin, digest = f"{dead}|{stream}/", digest_of(fact.original)
    own = kin + fact.entry_id
    if own not in memory:
        for origin, handled in memory.items():
            same = origin.startswith(kin) and handled.digest == digest and handled.times
            if same and parse(fact.entry_id) > parse(handled.behind):
                return origin
    return own


def _state_of(entry_id: str, handled: Handled | None) -> LetterState:
    if handled is None:
        return "waiting"
    if parse(entry_id) <= parse(handled.upto):
        return handled.action
    return "failed again" if handled.times else "waiting"
