"""A full order book kept from the venue's changes, and whether it can still be believed.

Every change covers the updates after ``pu`` up to ``u``; the next one must begin where it ended. A
change that does not is a break: something was lost, and only a snapshot taken afterwards makes the
book whole again. Changes that come meanwhile wait for it. Prices are floats read from the venue's
text, so one price is one key.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

Level = tuple[float, float]
"""A price and the quantity there; 0 takes the price away."""
Step = Literal["kept", "waiting", "broken"]

WAITING_MAX = 2_000
LEVELS_MAX = 50_000
"""More prices a side than any book of the venue has: what grows beyond them is not a book."""
REBUILD_ABOVE = 4


class Change(msgspec.Struct, frozen=True, gc=False):
    """Levels that changed with the updates after ``before`` up to ``last``."""

    before: int
    last: int
    bids: Sequence[Level]
    asks: Sequence[Level]


class Top(msgspec.Struct, frozen=True, gc=False):
    """The best bid and ask after update ``last``."""

    last: int
    bid: float
    bid_qty: float
    ask: float
    ask_qty: float


class _Side:
    """The levels of one side; the best is found without looking at all. Bids have sign -1."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._qty: dict[float, float] = {}
        self._heap: list[float] = []

    def put(self, levels: Iterable[Level]) -> None:
        """Set what stands at each price."""
        for price, qty in levels:
            if qty <= 0.0:
                self._qty.pop(price, None)
                continue
            if price not in self._qty:
                heapq.heappush(self._heap, self._sign * price)
            self._qty[price] = qty
        if len(self._heap) > REBUILD_ABOVE * len(self._qty) + 1_000:
            self._heap = [self._sign * price for price in self._qty]
            heapq.heapify(self._heap)

    def best(self) -> Level | None:
        """The best price and what stands there; None for an empty side."""
        while self._heap:
            price = self._sign * self._heap[0]
            qty = self._qty.get(price)
            if qty is not None:
                return price, qty
            heapq.heappop(self._heap)
        return None

    def __len__(self) -> int:
        return len(self._qty)


class DepthBook:
    """The book of one symbol. Nothing is told of it while it waits for a snapshot."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._restored = False
        self._waiting: deque[Change] = deque(maxlen=WAITING_MAX)
        self._bids, self._asks = _Side(-1), _Side(1)

    @property
    def last(self) -> int | None:
        """The newest update that is in it; None while it waits."""
        return self._last

    @property
    def is_whole(self) -> bool:
        """Whether it can be believed."""
        return self._last is not None

    def take(self, change: Change) -> Step:
        """The next change: kept, waiting for a snapshot, or the break after which one is needed."""
        if self._last is None:
            self._waiting.append(change)
            return "waiting"
        if change.last <= self._last:
            return "kept"
        if change.before != self._last and not (self._restored and change.before < self._last):
            return self._broken(change)
        self._apply(change)
        return "kept" if len(self._bids) + len(self._asks) <= 2 * LEVELS_MAX else self._broken()

    def restore(self, last: int, bids: Sequence[Level], asks: Sequence[Level]) -> bool:
        """Begin anew with a snapshot; False when it is older than what waited for it."""
        self._bids, self._asks = _Side(-1), _Side(1)
        self._bids.put(bids)
        self._asks.put(asks)
        waiting = [change for change in self._waiting if change.last > last]
        if waiting and waiting[0].before > last:
            return False
        self._last, self._restored = last, True
        self._waiting.clear()
        for number, change in enumerate(waiting):
            if number and change.before != self._last:  # The first may begin before the snapshot.
                self._broken()
                self._waiting.extend(waiting[number:])
                return False
            self._apply(change)
        return True

    def lose(self) -> None:
        """Believe nothing of it any more: the connection was lost, or somebody knows better."""
        self._broken()

    def top(self) -> Top | None:
        """The best bid and ask; None while it is not whole, or a side is empty."""
        bid, ask = self._bids.best(), self._asks.best()
        if self._last is None or bid is None or ask is None:
            return None
        return Top(self._last, *bid, *ask)

    def _apply(self, change: Change) -> None:
        self._bids.put(change.bids)
        self._asks.put(change.asks)
        self._last, self._restored = change.last, False

    def _broken(self, change: Change | None = None) -> Step:
        self._last = None
        self._waiting.clear()
        self._bids, self._asks = _Side(-1), _Side(1)
        if change is not None:
            self._waiting.append(change)
        return "broken"
