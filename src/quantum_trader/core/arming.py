"""The leave to trade real money: what it is bound to, and everything that ends it.

It is given by a person, for one account, one key, one build and one run of the system, with caps
and an end. Whatever is odd ends it; exits and stops never needed it.
"""

import msgspec

from quantum_trader.core.caps import Caps

GUARDIAN_AGE_MAX_MS = 5_000
CLOCK_OFFSET_MAX_MS = 250
"""Farther from the venue's time than this nobody is armed (orders leave until twice as much)."""


class Armed(msgspec.Struct, frozen=True, kw_only=True):
    """A leave as it was given. ``fingerprint`` is of the key, ``build`` of the program's files.

    ``run`` names one start of the system: a restart ends the leave.
    """

    account: str
    fingerprint: str
    build: str
    run: str
    caps: Caps
    who: str
    armed_ms: int
    expires_ms: int


class Here(msgspec.Struct, frozen=True, kw_only=True):
    """What is so now. None is what could not be found out, and counts as odd.

    ``guardian_ms`` is how long ago the guardian was last heard of, ``clock_offset_ms`` how far this
    clock is from the venue's.
    """

    account: str
    fingerprint: str | None
    build: str
    run: str
    guardian_ms: int | None
    clock_offset_ms: int | None
    halted: bool


def ended_by(armed: Armed, here: Here, now_ms: int) -> tuple[str, ...]:
    """Every reason why a leave is not good any more, as sentences; empty while it is."""
    return (*_bound(armed, here), *_time(armed, now_ms), *_odd(here))


def _bound(armed: Armed, here: Here) -> list[str]:
    """What the leave names, and what is so."""
    found = []
    if armed.account != here.account:
        found.append(f"it was given for account {armed.account}, and this is {here.account}")
    if armed.fingerprint != here.fingerprint:
        key = here.fingerprint or "none that could be read"
        found.append(f"it was given for key {armed.fingerprint}, and the key is {key}")
    if armed.build != here.build:
        found.append("the program was changed since it was given")
    if armed.run != here.run:
        found.append("the system was started again since it was given")
    return found


def _time(armed: Armed, now_ms: int) -> list[str]:
    if now_ms >= armed.expires_ms:
        return ["its time is over"]
    if now_ms < armed.armed_ms:
        return ["the clock is before the moment it was given in"]
    return []


def _odd(here: Here) -> list[str]:
    found = []
    if here.halted:
        found.append("the system is halted")
    if here.guardian_ms is None or here.guardian_ms > GUARDIAN_AGE_MAX_MS:
        since = "never" if here.guardian_ms is None else f"{here.guardian_ms / 1000:.1f} s ago"
        found.append(f"the guardian was last heard of {since}")
    if here.clock_offset_ms is None:
        found.append("how far this clock is from the venue's is not known")
    elif abs(here.clock_offset_ms) > CLOCK_OFFSET_MAX_MS:
        found.append(f"this clock is {here.clock_offset_ms} ms from the venue's")
    return found
