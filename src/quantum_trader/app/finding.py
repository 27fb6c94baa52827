"""A finding of the doctor, and the register of all that it can find.

``docs/doctor.md`` has a row for each kind, and a test holds page and register together.
"""

from typing import Literal

import msgspec

Level = Literal["red", "yellow"]


class Kind(msgspec.Struct, frozen=True):
    """One kind of finding: which levels it has, and what it means for the money."""

    levels: tuple[Level, ...]
    money: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong: red is a danger to money or data, yellow can wait.

    ``name`` is a key of ``KINDS``. ``money`` is what it means for the money, ``remedy`` a command
    or an act.
    """

    name: str
    level: Level
    where: str
    what: str
    money: str
    remedy: str


_RED: tuple[Level, ...] = ("red",)
_YELLOW: tuple[Level, ...] = ("yellow",)
_BOTH: tuple[Level, ...] = ("red", "yellow")

_ENTRIES = "No new entry is taken until it is mended; exits and stops go on."
_UNBOUNDED = "What the market does to it is not bounded until it is covered."
_SAFE = "No position is in danger by it."
_BLIND = "Fills or orders may not be acted on; stops that are at the exchange stay there."
_LOST = "The streams may lose what they acknowledged; the journal and the exchange keep theirs."
_FULL = "When it is full nothing is decided any more; stops that are at the exchange stay there."
_GROWS = "Nothing is trimmed; once a stream is above its limit no new entry is taken."

KINDS: dict[str, Kind] = {
    "server.unreachable": Kind(_RED, "Nobody trades, or nobody sees it; stops there stay there."),
    "server.settings": Kind(_RED, _LOST),
    "server.file": Kind(_BOTH, _LOST),
    "server.fsync": Kind(_RED, _LOST),
    "server.memory": Kind(_BOTH, _FULL),
    "server.clock": Kind(_YELLOW, "Leases and the age of entries are counted by its clock."),
    "group.missing": Kind(_RED, _BLIND),
    "group.stranger": Kind(_YELLOW, f"{_SAFE} What it has not read is never trimmed."),
    "lag.high": Kind(_RED, _BLIND),
    "pending.old": Kind(_RED, _BLIND),
    "consumer.gone": Kind(_BOTH, _BLIND),
    "loop.silent": Kind(_RED, _BLIND),
    "canary.late": Kind(_RED, _BLIND),
    "exchange.failing": Kind(_RED, _ENTRIES),
    "exchange.odd": Kind(_YELLOW, f"{_SAFE} What was left out shows when accounts are compared."),
    "clock.unknown": Kind(_RED, "No order that adds risk leaves; exits and stops go on."),
    "clock.apart": Kind(_RED, "No order that adds risk leaves; exits and stops go on."),
    "time.ahead": Kind(_YELLOW, "Signals count as older than they are; exits take longer to act."),
    "lease.missing": Kind(_RED, "No order leaves, no stop either; those at the exchange stay."),
    "level.ignored": Kind(_RED, "Entries may leave that you meant to stop."),
    "level.holds": Kind(_YELLOW, "No new risk is taken; exits and stops go on."),
    "position.bare": Kind(_RED, _UNBOUNDED),
    "venue.altered": Kind(_RED, _ENTRIES),
    "wallet.differs": Kind(
        _YELLOW, "No position is in danger by it; by more than 1 % of it no new entry is taken."
    ),
    "symbol.quarantined": Kind(_YELLOW, "No entry is taken in it; exits and stops go on."),
    "guardian.missing": Kind(_RED, "No order that adds risk leaves; exits and stops go on."),
    "guardian.silent": Kind(_RED, "If the trader dies too, nobody protects what is bare."),
    "guardian.blind": Kind(_RED, "If the trader dies too, nobody protects what is bare."),
    "guardian.bare": Kind(_RED, _UNBOUNDED),
    "letters.waiting": Kind(_BOTH, "What these messages asked for was not done."),
    "stream.stranger": Kind(_YELLOW, _SAFE),
    "stream.astray": Kind(_YELLOW, "Nobody reads it: what is asked there is not done."),
    "stream.dormant": Kind(_YELLOW, "Nobody reads it: what is asked there is not done."),
    "stream.growing": Kind(_YELLOW, _GROWS),
    "trimming.blocked": Kind(_RED, _ENTRIES),
    "archive.off": Kind(_YELLOW, _GROWS),
    "archive.failing": Kind(_RED, _GROWS),
    "archive.behind": Kind(_YELLOW, _GROWS),
    "keeper.silent": Kind(_YELLOW, f"{_SAFE} Streams grow, and nobody sees what arrives late."),
    "disk.low": Kind(_BOTH, "When it is full the process ends; stops at the exchange stay there."),
    "journal.broken": Kind(
        _RED, "What was sent and filled is not proven; the venue's word counts."
    ),
}


def red(name: str, where: str, what: str, remedy: str) -> Finding:
    """A danger to money or data."""
    return _finding("red", name, where, what, remedy)


def yellow(name: str, where: str, what: str, remedy: str) -> Finding:
    """Something that can wait."""
    return _finding("yellow", name, where, what, remedy)


def _finding(level: Level, name: str, where: str, what: str, remedy: str) -> Finding:
    kind = KINDS[name]
    assert level in kind.levels, f"{name} is never {level}"
    return Finding(name=name, level=level, where=where, what=what, money=kind.money, remedy=remedy)
