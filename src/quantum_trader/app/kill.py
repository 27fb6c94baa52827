"""Changing the kill level, whoever asks: the shell and the control API go through here.

A level is latched in the data folder first and then ordered on the stream, so that it holds even
where only one of the two can be had. Everything may be repeated; nothing lowers a level but
``Desk.lower``.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager

import msgspec

from quantum_trader.adapters.arming import disarm as take_leave
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.app.connection import wall_ms
from quantum_trader.app.guardian_beat import living_guardian
from quantum_trader.app.kill_words import (
    DISARMED,
    FLATTENED,
    FOLDER_UNKNOWN,
    HALTED,
    NOT_ARMED,
    RESUMED,
    Result,
    guardian_closes,
    not_closed,
    not_flat,
    not_in_force,
    not_latched,
    not_resumed,
    note_of,
    still_armed,
    unreachable,
)
from quantum_trader.app.operator_order import give_order
from quantum_trader.app.standing import (
    CONFIRM_WITHIN_S,
    Standing,
    is_at,
    is_flat,
    look,
    ordered_level,
    wait_for,
)
from quantum_trader.core.errors import BusUnreachable, StoreError, sure
from quantum_trader.core.events import KillLevelSet
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.kill_level import includes
from quantum_trader.core.out import Stamp
from quantum_trader.ports import Bus, Latched
from quantum_trader.services.guardian import GuardBeat
from quantum_trader.services.latch import newest_level

LATCH_SPEAKS_WITHIN_S = 2.0
"""A latch in a folder that we do not know has halted the trader again by then."""
GUARDIAN_LOOK_S = 0.2

Connect = Callable[[], AbstractAsyncContextManager[Bus]]


class Said(msgspec.Struct, frozen=True):
    """Who orders something, and why."""

    who: str
    why: str


class Following(msgspec.Struct, frozen=True):
    """Watch until all is flat, at most ``within_s``.

    ``seen`` is told how the trader stands, ``guarded`` how the guardian does, look by look.
    """

    within_s: float
    seen: Callable[[Standing], None] | None = None
    guarded: Callable[[GuardBeat], None] | None = None


class Desk:
    """Where the level of one system is changed.

    ``latch`` is the one in its folder, None where the folder is not known; ``connect`` opens a way
    to its streams and raises ``StoreError`` where there is none.
    """

    def __init__(self, latch: FileLatch | None, connect: Connect) -> None:
        self._latch = latch
        self._connect = connect

    async def halt(self, said: Said) -> Result:
        """Take no new risk until resumed."""
        return await self._raised("HALT", said, HALTED)

    async def flatten(self, said: Said, follow: Following | None = None) -> Result:
        """Close every position, take no new risk until resumed, and watch if asked to."""
        return await self._raised("FLATTEN", said, FLATTENED, follow)

    async def disarm(self, said: Said) -> Result:
        """Take the leave to trade real money away, and halt.

        The leave first, before anything is asked of a server: a run reads the file before each
        order that adds risk.
        """
        was_armed, failed = self._leave_taken()
        result = await self._raised("HALT", said, DISARMED if was_armed else NOT_ARMED)
        if failed is not None:
            result = msgspec.structs.replace(result, problem=still_armed(failed))
        return result

    def _leave_taken(self) -> tuple[bool, str | None]:
        """Whether there was a leave in the folder, and why it may still be there."""
        if self._latch is None:
            return False, FOLDER_UNKNOWN
        try:
            return take_leave(self._latch.path.parent), None
        except StoreError as error:
            return True, str(error)

    async def where(self) -> tuple[KillLevel, KillLevelSet | None]:
        """The level that was ordered last and by which fact; the latch's where nobody answers."""
        held = self.latched()
        try:
            async with self._connect() as bus:
                return await ordered_level(bus), await newest_level(bus)
        except BusUnreachable:
            if held is None:
                raise
            return held.level, None

    def latched(self) -> Latched | None:
        """What the latch holds now."""
        return None if self._latch is None else self._latch.read()

    async def _raised(
        self, asked: KillLevel, said: Said, means: str, follow: Following | None = None
    ) -> Result:
        """Latch a level, order it, and see that it is in force."""
        began_s = time.monotonic()
        held, failed = self._hold(asked, said)
        path = None if self._latch is None or held is None else str(self._latch.path)
        level = held.level if held is not None and includes(held.level, asked) else asked
        result = Result(level=level, means=means, latch=path)
        try:
            async with self._connect() as bus:
                result = await _obeyed(bus, asked, said, follow, result)
        except StoreError as error:
            note, problem = unreachable(None if held is None else held.level, asked, error)
            result = msgspec.structs.replace(result, note=note, problem=problem)
        if asked == "FLATTEN" and held is not None and result.problem is not None:
            result = await self._guarded(result, held, follow, began_s)
        if failed is not None and result.problem is None:
            return msgspec.structs.replace(result, problem=not_latched(failed))
        return result

    def _hold(self, level: KillLevel, said: Said) -> tuple[Latched | None, StoreError | None]:
        """What is latched now, and what kept it from being latched: a full disk stops no halt."""
        if self._latch is None:
            return None, None
        wanted = Latched(level=level, who=said.who, why=said.why, at_ms=wall_ms())
        try:
            return self._latch.hold(wanted), None
        except StoreError as error:
            return self._latch.read(), error

    async def _guarded(
        self, result: Result, held: Latched, follow: Following | None, began_s: float
    ) -> Result:
        """What the guardian of the folder makes of a FLATTEN that no trader carries out."""
        folder = sure(self._latch, "the latch that was just held").path.parent
        beat = living_guardian(folder, wall_ms())
        if held.level != "FLATTEN" or beat is None:
            return result
        note = guardian_closes(result)
        if follow is None:
            return msgspec.structs.replace(result, note=note, problem=None, guarded=beat.held)
        while not _is_over(beat) and time.monotonic() < began_s + follow.within_s:
            if beat is not None and follow.guarded is not None:
                follow.guarded(beat)
            await asyncio.sleep(GUARDIAN_LOOK_S)
            beat = living_guardian(folder, wall_ms())
        problem = None if _is_over(beat) else not_closed(beat)
        guarded = None if beat is None else beat.held
        return msgspec.structs.replace(result, note=note, problem=problem, guarded=guarded)

    async def lower(self, said: Said) -> Result:
        """Take the latch away, and then order RUN: the other way round the latch would win."""
        released = self._latch is not None and self._latch.release()
        result = Result(level="RUN", means=RESUMED)
        try:
            async with self._connect() as bus:
                ordered = await give_order(bus, _setting("RUN", said))
                standing = await wait_for(
                    _looking(bus), lambda now: is_at(now, "RUN"), CONFIRM_WITHIN_S
                )
                if self._latch is None and is_at(standing, "RUN"):
                    await asyncio.sleep(LATCH_SPEAKS_WITHIN_S)
                    standing = await look(bus, wall_ms())
        except BusUnreachable as error:
            if not released:
                raise
            return msgspec.structs.replace(result, problem=not_resumed(error))
        return msgspec.structs.replace(
            result,
            ordered=ordered,
            in_force=is_at(standing, "RUN"),
            positions=standing.positions,
            note=note_of(standing, "RUN", "RUN"),
            problem=not_in_force(standing, "RUN"),
        )


async def _obeyed(
    bus: Bus, asked: KillLevel, said: Said, follow: Following | None, result: Result
) -> Result:
    """Order the level unless that was done before, and see what the trader makes of it."""
    level, ordered = await ordered_level(bus), None
    if not includes(level, result.level):
        level = result.level
        ordered = await give_order(bus, _setting(level, said))
    standing = await wait_for(_looking(bus), lambda now: is_at(now, level), CONFIRM_WITHIN_S)
    problem = not_in_force(standing, level)
    if asked == "FLATTEN" and problem is None:
        if follow is not None:
            standing = await wait_for(_looking(bus), is_flat, follow.within_s, follow.seen)
        if follow is not None or not standing.alive:
            problem = not_flat(standing)
    return msgspec.structs.replace(
        result,
        level=level,
        ordered=ordered,
        in_force=is_at(standing, level),
        positions=standing.positions,
        note=note_of(standing, asked, level),
        problem=problem,
    )


def _is_over(beat: GuardBeat | None) -> bool:
    """Whether the guardian has met FLATTEN and sees nothing held."""
    return beat is not None and beat.seen and beat.level == "FLATTEN" and not beat.held


def _looking(bus: Bus) -> Callable[[], Coroutine[object, object, Standing]]:
    return lambda: look(bus, wall_ms())


def _setting(level: KillLevel, said: Said) -> Callable[[Stamp], KillLevelSet]:
    return lambda stamp: KillLevelSet(**stamp, level=level, who=said.who, why=said.why)
