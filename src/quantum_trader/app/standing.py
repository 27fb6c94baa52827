"""How the kill level stands in a running system, and how it gets somewhere else.

A level is ordered twice: by the latch in the data folder, which works while the stream server is
dead, and by a fact on ``operator``, which is heard at once. Either is enough.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator

import msgspec

from quantum_trader.app import board
from quantum_trader.app.board import Held
from quantum_trader.app.finding import Finding, red, yellow
from quantum_trader.app.health import HEARTBEAT_AGE_MAX_MS
from quantum_trader.app.story.words import span_text
from quantum_trader.core.books.ledger import WalletGap
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.kill_level import includes
from quantum_trader.ports import Bus, Latched
from quantum_trader.services.latch import newest_level
from quantum_trader.streams import CLOCK, TRADER

LOOK_EVERY_S = 0.1
GAP_MS = 60_000
"""A fee or a funding that is only told late is no difference worth telling."""
AHEAD_MAX_MS = 30_000
"""Less is over within a minute, and nothing hangs on it."""
BARE_MAX_MS = 3_000
"""By then whatever has no stop is being closed."""
CLOSING = (
    "It is being closed, again every second. `quantum explain` says what the exchange answers; "
    "if that does not end, close it there by hand."
)
NOBODY = "The trader is silent: start it, or close the position at the exchange by hand."
CONFIRM_WITHIN_S = 5.0
"""The trader hears an order within a second; the loop that reads it may be at its slowest."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where the trader is. ``level`` is in force; None when no trader has said anything yet.

    ``why`` is who ordered what was ordered last, and for what reason; None on RUN.
    ``alive`` tells whether its loop has beaten lately. ``quarantined`` and ``alerts`` are what
    books and venue do not agree on, by symbol, with why; ``wallet_gap`` is money. ``ahead_ms`` is
    how far the trader's time is ahead of the clock's, as both told it last. ``bare`` are symbols
    whose position has no confirmed stop for all of it, and for how long by now, in ms.
    """

    level: KillLevel | None
    alive: bool
    held: tuple[Held, ...]
    why: str | None = None
    quarantined: dict[str, str] = {}
    alerts: dict[str, str] = {}
    wallet_gap: WalletGap | None = None
    ahead_ms: int = 0
    bare: dict[str, int] = {}

    @property
    def positions(self) -> tuple[Held, ...]:
        """What is really held."""
        return tuple(held for held in self.held if held.qty)


async def ordered_level(bus: Bus) -> KillLevel:
    """The level that counts from now on: as ordered last, else as the trader has it."""
    newest = await newest_level(bus)
    if newest is not None:
        return newest.level
    head = board.read(await bus.projection(board.PROJECTION)).head
    return "RUN" if head is None else head.kill_level


async def look(bus: Bus, wall_ms: int) -> Standing:
    """Ask the trader's board and its heartbeat."""
    posted = board.read(await bus.projection(board.PROJECTION))
    head = posted.head
    at = (await bus.heartbeat(TRADER)).get("at")
    told = (await bus.heartbeat(CLOCK)).get("at")
    level = None if head is None else head.kill_level
    return Standing(
        level=level,
        why=None if level in (None, "RUN") else await _why(bus),
        quarantined={} if head is None else head.quarantined,
        alerts={} if head is None else head.alerts,
        wallet_gap=None if head is None else _standing_gap(head),
        ahead_ms=0 if head is None or told is None else max(head.at_ms - int(told), 0),
        alive=at is not None and wall_ms - int(at) <= HEARTBEAT_AGE_MAX_MS,
        held=posted.held,
        bare={} if head is None else _bare(posted.held, head.at_ms),
    )


def _bare(held: Iterable[Held], at_ms: int) -> dict[str, int]:
    since_ms = {one.symbol: one.naked_since_ms for one in held if one.qty}
    return {symbol: at_ms - ms for symbol, ms in since_ms.items() if ms is not None}


async def _why(bus: Bus) -> str | None:
    newest = await newest_level(bus)
    return None if newest is None else f"{newest.who}: {newest.why}"


def _standing_gap(head: board.Head) -> WalletGap | None:
    gap = head.wallet_gap
    return gap if gap is not None and head.at_ms - gap.since_ms >= GAP_MS else None


async def wait_for(
    look_again: Callable[[], Awaitable[Standing]],
    holds: Callable[[Standing], bool],
    within_s: float,
    looked: Callable[[Standing], None] | None = None,
) -> Standing:
    """Look until something holds, the trader is silent, or the time is over; the last look."""
    end_s = time.monotonic() + within_s
    while True:
        standing = await look_again()
        if looked is not None:
            looked(standing)
        if holds(standing) or not standing.alive or time.monotonic() >= end_s:
            return standing
        await asyncio.sleep(LOOK_EVERY_S)


def is_at(standing: Standing, level: KillLevel) -> bool:
    """Whether a level is in force: RUN is nothing else, the others include what is below them."""
    if standing.level is None:
        return False
    return standing.level == "RUN" if level == "RUN" else includes(standing.level, level)


def is_flat(standing: Standing) -> bool:
    """Whether FLATTEN is in force, nothing is held, and no order of ours is under way."""
    return is_at(standing, "FLATTEN") and not standing.held


def standing_findings(standing: Standing, held: Latched | None) -> Iterator[Finding]:
    """What the doctor says of the level: that it holds, and when a latch is not obeyed."""
    level = standing.level or "RUN"
    if held is not None and standing.alive and not includes(level, held.level):
        what = f"{held.level} is latched by {held.who}, and the trader is at {level}"
        remedy = "Stop the process; the next start obeys the latch."
        yield red("level.ignored", TRADER, what, remedy)
    elif level != "RUN":
        by = "" if standing.why is None else f", ordered by {standing.why}"
        what = f"{level} holds{by}"
        yield yellow("level.holds", TRADER, what, "`quantum resume` ends it.")
    if standing.ahead_ms > AHEAD_MAX_MS:
        what = f"its time is {span_text(standing.ahead_ms)} ahead of the clock"
        remedy = "Nothing: it goes on at half pace until that is over. Set clocks by NTP."
        yield yellow("time.ahead", TRADER, what, remedy)
    yield from _bare_ones(standing)
    yield from _disagreements(standing)


def _bare_ones(standing: Standing) -> Iterator[Finding]:
    """Positions that should have had their stop, or be gone, by now."""
    for symbol, ms in standing.bare.items():
        if ms > BARE_MAX_MS:
            what = f"no confirmed stop has covered all of it for {span_text(ms)}"
            yield red("position.bare", symbol, what, CLOSING if standing.alive else NOBODY)


def _disagreements(standing: Standing) -> Iterator[Finding]:
    """What books and venue do not agree on."""
    for symbol, why in standing.alerts.items():
        remedy = "Put right what it names; until then no entry is taken, and exits go on."
        yield red("venue.altered", symbol or TRADER, why, remedy)
    for symbol, why in standing.quarantined.items():
        remedy = (
            "It is asked about until it is known; no entry is taken there. See docs/reconcile.md."
        )
        yield yellow("symbol.quarantined", symbol, f"in quarantine: {why}", remedy)
    if standing.wallet_gap is not None:
        what = f"the wallet at the venue is {standing.wallet_gap.usd:+} USDT beside the books"
        remedy = "Nothing: what nobody explains within ten minutes is booked as a transfer."
        yield yellow("wallet.differs", TRADER, what, remedy)
