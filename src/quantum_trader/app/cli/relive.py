"""The log of a recorded run, lived through again: the same facts, the same state, the same words.

Everything is compared as it was when the comparison began, so the run may go on meanwhile.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from quantum_trader.app.cli.frame import Progress
from quantum_trader.app.cli.past import Frozen, log_of
from quantum_trader.app.config import load
from quantum_trader.core.errors import ConfigError
from quantum_trader.core.events import TAGS, CanarySung, Fact, RulesAdopted
from quantum_trader.core.state import TraderState, state_hash
from quantum_trader.core.trader import step
from quantum_trader.services import wire
from quantum_trader.services.fold import Fold
from quantum_trader.services.recovery import BEFORE_EVERYTHING, Log, rebuild_from_log, restore
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.services.wire import fact_in
from quantum_trader.streams import OPERATOR_STREAM, ROUTES, TRADER

PAGE = 1_024
FACTS_TOLD_AT_ONCE = 500
ORDERS_LOOKED_AT = 1_000
ALWAYS_MS = (0, 2**62)

_CANARY = TAGS[CanarySung].encode()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Whose log, and of which period the words are compared: from, and before (epoch ms).

    ``archive`` is a folder whose archive is taken alone, without a server.
    """

    url: str | None = None
    data_dir: Path | None = None
    archive: Path | None = None
    period_ms: tuple[int, int] = ALWAYS_MS


class Relived(msgspec.Struct, frozen=True, kw_only=True):
    """What the log says, and how it differs from what the run said.

    ``log_hash`` is the state rebuilt from the first entry on, ``run_hash`` the one from the run's
    own snapshot and what came after it, None before the first snapshot and for an archive.
    ``outputs`` counts the facts that follow from the log in the period; each was compared with the
    one that was published, except ``not_archived`` ones, whose streams are archived less far.
    """

    facts: int
    outputs: int
    not_archived: int
    log_hash: str
    run_hash: str | None
    differences: tuple[str, ...]
    same: bool


class Words:
    """What was said on every stream, remembered as counts and hashes.

    ``before`` counts what was said on a stream before the period.
    """

    def __init__(self) -> None:
        self.before: defaultdict[str, int] = defaultdict(int)
        self.hashes: defaultdict[str, list[bytes]] = defaultdict(list)

    def add(self, stream: str, payload: bytes) -> None:
        """One more entry of a stream."""
        self.hashes[stream].append(hashlib.sha256(payload).digest())

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self.hashes.values()))


class _Enough(Exception):
    """The period is over."""


async def relive(wanted: Wanted, *, forced: bool = False) -> Relived:
    """Rebuild the trader of a run from its log and compare. Raises ``ConfigError`` without one."""
    async with log_of(wanted.url, wanted.data_dir, wanted.archive) as log:
        if log.saved_then.last == BEFORE_EVERYTHING:
            raise ConfigError("the trader has committed nothing there, so there is no log")
        with Progress("facts lived through again", forced=forced) as progress:
            life = _Life(await _account_of(log), wanted.period_ms, progress)
            await life.live(log)
            run_hash = await _run_hash(log, life) if wanted.period_ms == ALWAYS_MS else None
            short, differences = await _compare(log, life.words, archived=bool(wanted.archive))
        if run_hash not in (None, life.hash):
            differences.append(f"the state from the run's own snapshot is {run_hash}")
        return Relived(
            facts=life.heard,
            outputs=life.words.count,
            not_archived=short,
            log_hash=life.hash,
            run_hash=run_hash,
            differences=tuple(differences),
            same=not differences,
        )


class _Life:
    """The trader from the first fact to the end of the period."""

    def __init__(self, account: str, period_ms: tuple[int, int], progress: Progress) -> None:
        self.account = account
        self.words = Words()
        self.heard = 0
        self.hash = ""
        self._state = TraderState()
        self._period_ms = period_ms
        self._progress = progress

    async def live(self, log: Log) -> None:
        """Hear everything again."""
        with suppress(_Enough):
            await rebuild_from_log(log, TRADER, self.fold())
        self.hash = state_hash(self._state)

    def fold(self) -> Fold[TraderState]:
        """The trader, watched."""
        snapshots, read = snapshots_of(TraderState), wire.Reader(self.account)
        return Fold(self._hear, lambda: self._state, snapshots, read)

    def _hear(self, state: TraderState, fact: Fact) -> Sequence[Fact]:
        first_ms, end_ms = self._period_ms
        if max(state.now_ms, fact.at_ms) >= end_ms:
            raise _Enough
        self.heard += 1
        if self.heard % FACTS_TOLD_AT_ONCE == 0:
            self._progress.advance(FACTS_TOLD_AT_ONCE)
        said = step(state, fact)
        for each in said:
            stream = ROUTES[type(each)]
            if state.now_ms < first_ms:
                self.words.before[stream] += 1
            else:
                self.words.add(stream, wire.write(each)[b"payload"])
        return said


async def _run_hash(log: Frozen, life: _Life) -> str | None:
    """The state as the run itself would begin with it; None before its first snapshot."""
    if log.saved_then.snapshot is None:
        return None
    fold = Fold(step, TraderState, snapshots_of(TraderState), wire.Reader(life.account))
    return state_hash((await restore(log, TRADER, fold)).state)


async def _compare(log: Log, words: Words, *, archived: bool) -> tuple[int, list[str]]:
    """How many words an archive does not reach to, and a sentence for every stream that differs."""
    short, found = 0, []
    for stream, said in words.hashes.items():
        published = await _listen(log, stream, words.before[stream], len(said))
        missing = len(said) - len(published) if archived else 0
        short += missing
        if published != said[: len(said) - missing]:
            found.append(
                f"of the {len(said):,} facts that follow from the log, {stream} holds "
                f"{len(published):,}, or others"
            )
    return short, found


async def _listen(log: Log, stream: str, skip: int, count: int) -> list[bytes]:
    """The words of a stream after the first ones. A canary is nobody's decision."""
    heard: list[bytes] = []
    first = "-"
    while len(heard) < skip + count and (page := await log.span(stream, first, "+", PAGE)):
        for entry in page:
            fields = entry.fields or {}
            if fields.get(b"type") != _CANARY:
                heard.append(hashlib.sha256(fields.get(b"payload", b"")).digest())
        first = f"({page[-1].id}"
    return heard[skip : skip + count]


async def _account_of(log: Log) -> str:
    """Whose log it is: by its first rules, else by the settings here."""
    for entry in await log.span(OPERATOR_STREAM, "-", "+", ORDERS_LOOKED_AT):
        fact = fact_in(entry)
        if isinstance(fact, RulesAdopted):
            return fact.rules.account
    return load().account
