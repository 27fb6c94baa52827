"""What the control API makes go wrong, between the hall and those who talk to it."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from quantum_trader.app.venue.account import Event

Kind = Literal[
    "delay",
    "drop",
    "unknown",
    "unavailable",
    "bad_gateway",
    "timeout",
    "truncated",
    "reject",
    "duplicate_events",
    "lose_events",
    "withhold_events",
    "reorder_events",
]
EVENT_KINDS = ("duplicate_events", "lose_events", "withhold_events", "reorder_events")
AFTER_KINDS = ("drop", "unknown", "bad_gateway", "timeout", "truncated")
"""These strike after the venue did what it was asked, unless ``before`` says otherwise."""


class Fault(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``method`` and ``path`` choose the requests (all unless given), ``account`` whose.

    ``times`` is how often it strikes, for ever when None. ``before``: the request is not carried
    out. ``delay_ms`` is for ``delay``; ``code``, ``msg``, ``status`` and ``retry_after_s`` (the
    header of that name) for ``reject``; ``event`` (ORDER_TRADE_UPDATE, say) chooses user events.
    """

    kind: Kind
    method: str | None = None
    path: str | None = None
    account: str | None = None
    times: int | None = None
    before: bool | None = None
    delay_ms: int = 0
    retry_after_s: int | None = None
    code: int = -1000
    msg: str = "An unknown error occurred while processing the request."
    status: int = 400
    event: str | None = None

    def suits(self, method: str, path: str, account: str) -> bool:
        """Whether it strikes a request."""
        return (
            self.method in (None, method)
            and self.path in (None, path)
            and self.account in (None, account)
        )

    @property
    def strikes_before(self) -> bool:
        """Whether the request is kept from the venue."""
        return self.kind not in AFTER_KINDS if self.before is None else self.before


class Faults:
    """The faults in force, by number."""

    def __init__(self) -> None:
        self.active: dict[int, Fault] = {}
        self._numbers = 0
        self._held: list[tuple[str, Event]] = []
        self._swap: tuple[str, Event] | None = None

    def inject(self, fault: Fault) -> int:
        """One more; its number."""
        self._numbers += 1
        self.active[self._numbers] = fault
        return self._numbers

    def clear(self, number: int | None) -> int:
        """Take away one, or all; how many there were."""
        gone = [number] if number in self.active else [] if number is not None else [*self.active]
        for each in gone:
            del self.active[each]
        return len(gone)

    def strike(self, method: str, path: str, account: str) -> list[Fault]:
        """The faults that strike this request, one each of delay and of the others."""
        if not self.active:
            return []
        found: list[Fault] = []
        for number, fault in list(self.active.items()):
            rest = fault.kind not in EVENT_KINDS and fault.suits(method, path, account)
            if rest and not any(one.kind == "delay" or fault.kind != "delay" for one in found):
                self._spend(number, fault)
                found.append(fault)
        return found

    def _spend(self, number: int, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            # What withholds goes on withholding what it has, until it is cleared.
            if fault.times <= 0 and fault.kind != "withhold_events":
                del self.active[number]

    def user_events(self, account: str, event: Event) -> Iterator[Event]:
        """What of a user event is told now: all, nothing, twice, or after the next one."""
        number, fault = self._event_fault(account, event)
        kind = "" if fault is None else fault.kind
        if fault is not None:
            self._spend(number, fault)
        if kind == "lose_events":
            return
        if kind == "withhold_events":
            self._held.append((account, event))
            return
        if kind == "reorder_events" and self._swap is None:
            self._swap = (account, event)
            return
        yield event
        if kind == "duplicate_events":
            yield event
        if self._swap is not None and self._swap[0] == account:
            swapped, self._swap = self._swap[1], None
            yield swapped

    def _event_fault(self, account: str, event: Event) -> tuple[int, Fault | None]:
        for number, one in self.active.items():
            meant = one.account in (None, account) and one.event in (None, event["e"])
            if one.kind in EVENT_KINDS and one.times != 0 and meant:
                return number, one
        return 0, None

    def release(self) -> list[tuple[str, Event]]:
        """What was held back and is held back no longer."""
        if any(one.kind == "withhold_events" for one in self.active.values()):
            return []
        held, self._held = self._held, []
        if self._swap is not None and not any(
            one.kind == "reorder_events" for one in self.active.values()
        ):
            held.append(self._swap)
            self._swap = None
        return held
