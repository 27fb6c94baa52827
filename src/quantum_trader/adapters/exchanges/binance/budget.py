"""Request weight and order counts: what was used of them, and who may use the rest.

The venue says with every answer what was used. Entries stop early, questions a little later, and
whatever reduces risk is never held up by a count: of that the venue itself may be the judge.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Purpose = Literal["entry", "exit", "question", "guard"]
"""``guard`` is a question of whoever can protect only what he sees."""

SHARES: Mapping[Purpose, float] = {"entry": 0.7, "question": 0.9, "guard": 1.0, "exit": 1.0}
"""Up to which share of a limit a purpose may go."""
WEIGHT_WINDOW_MS = 60_000
ORDER_WINDOWS_MS = (10_000, 60_000)
WEIGHT_HEADER = "x-mbx-used-weight-1m"
ORDER_HEADERS = ("x-mbx-order-count-10s", "x-mbx-order-count-1m")
RETRY_HEADER = "retry-after"
BACK_OFF_MS = 10_000
"""After a 429 that does not say for how long."""
BAN_MS = 120_000
"""After a 418 or 403 that does not say for how long: the venue's shortest ban."""


class Limits(msgspec.Struct, frozen=True):
    """What the venue grants: weight in a minute, orders in ten seconds and in a minute."""

    weight_1m: int = 2_400
    orders_10s: int = 300
    orders_1m: int = 1_200


class _Window(msgspec.Struct):
    """A count that begins anew with every window of the venue's clock."""

    span_ms: int
    limit: int
    index: int = 0
    used: int = 0

    def at(self, there_ms: int) -> int:
        """What is used now."""
        index = there_ms // self.span_ms
        if index > self.index:
            self.index, self.used = index, 0
        return self.used

    def note(self, text: str | None, there_ms: int) -> None:
        """The venue's own count. Answers overtake each other, so within a window it only grows."""
        if text is not None and text.isdecimal():
            self.used = max(self.at(there_ms), int(text))

    def add(self, count: int, there_ms: int) -> None:
        """What is being sent and was not counted by the venue yet."""
        self.used = self.at(there_ms) + count


class Budget:
    """What one account may still ask for. Times are the venue's."""

    def __init__(self, limits: Limits | None = None) -> None:
        granted = limits or Limits()
        self._weight = _Window(WEIGHT_WINDOW_MS, granted.weight_1m)
        counts = (granted.orders_10s, granted.orders_1m)
        self._orders = [
            _Window(span_ms, limit) for span_ms, limit in zip(ORDER_WINDOWS_MS, counts, strict=True)
        ]
        self._back_off_until_ms = 0
        self._banned_until_ms = 0

    def refusal(self, purpose: Purpose, weight: int, orders: int, there_ms: int) -> str | None:
        """Why a request must not leave now, None when it may."""
        if there_ms < self._banned_until_ms:
            left_s = (self._banned_until_ms - there_ms) / 1000
            return f"the venue has banned this address for another {left_s:.0f} s"
        if purpose == "exit":
            return None
        if there_ms < self._back_off_until_ms:
            left_s = (self._back_off_until_ms - there_ms) / 1000
            return f"the venue asked for a pause, of which {left_s:.0f} s are left"
        share = SHARES[purpose]
        windows = [(self._weight, weight), *((one, orders) for one in self._orders)]
        for window, cost in windows:
            used = window.at(there_ms)
            if cost and used + cost > share * window.limit:
                what = "request weight" if window is self._weight else "orders"
                return (
                    f"{used} of {window.limit} {what} in {window.span_ms // 1000} s are used; "
                    "the rest is kept for exits"
                )
        return None

    def spend(self, weight: int, orders: int, there_ms: int) -> None:
        """A request leaves."""
        self._weight.add(weight, there_ms)
        for window in self._orders:
            window.add(orders, there_ms)

    def note(self, status: int, headers: Mapping[str, str], there_ms: int) -> None:
        """What an answer says about the counts, and whether it is a plea or a ban."""
        self._weight.note(headers.get(WEIGHT_HEADER), there_ms)
        for window, name in zip(self._orders, ORDER_HEADERS, strict=True):
            window.note(headers.get(name), there_ms)
        said = headers.get(RETRY_HEADER, "")
        pause_ms = int(said) * 1_000 if said.isdecimal() and len(said) < 8 else None
        if status == 429:
            self._back_off_until_ms = there_ms + (pause_ms or BACK_OFF_MS)
        elif status in (418, 403):
            self._banned_until_ms = there_ms + (pause_ms or BAN_MS)

    def back_off(self, there_ms: int) -> None:
        """An error's text asked for a pause, whatever its status was."""
        self._back_off_until_ms = max(self._back_off_until_ms, there_ms + BACK_OFF_MS)

    def used(self, there_ms: int) -> tuple[int, int, int]:
        """Weight in this minute, orders in these ten seconds and in this minute."""
        short, long = self._orders
        return self._weight.at(there_ms), short.at(there_ms), long.at(there_ms)
