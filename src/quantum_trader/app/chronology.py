"""The order in which facts of several streams happened.

A stream keeps its own order. Across streams it follows from what caused what: an output's id is
its cause's id and a number, and a report comes after the command it answers. Where neither
decides, time does.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import count, pairwise

from quantum_trader.core import events as ev


def in_order(streams: Sequence[Sequence[ev.Fact]]) -> list[ev.Fact]:
    """All facts in the order in which they can have happened.

    Each stream keeps its own order, an effect follows its cause, and a report its command.
    """
    facts = [fact for stream in streams for fact in stream]
    after, waits = _constraints(streams, facts)
    turn = count()
    ready = [
        (fact.at_ms, next(turn), place) for place, fact in enumerate(facts) if not waits[place]
    ]
    heapify(ready)
    told: list[ev.Fact] = []
    while ready:
        place = heappop(ready)[-1]
        told.append(facts[place])
        for later in after[place]:
            waits[later] -= 1
            if not waits[later]:
                heappush(ready, (facts[later].at_ms, next(turn), later))
    # Facts that name each other as causes cannot be ours; they are told all the same.
    return told + [fact for place, fact in enumerate(facts) if waits[place]]


def _constraints(
    streams: Sequence[Sequence[ev.Fact]], facts: Sequence[ev.Fact]
) -> tuple[defaultdict[int, list[int]], list[int]]:
    """Which places come after a place, and for how many each has to wait."""
    pairs = {*_by_cause(facts), *_by_order(facts)}
    start = 0
    for stream in streams:
        pairs.update((place, place + 1) for place in range(start, start + len(stream) - 1))
        start += len(stream)
    after: defaultdict[int, list[int]] = defaultdict(list)
    waits = [0] * len(facts)
    for before, later in sorted(pairs):
        after[before].append(later)
        waits[later] += 1
    return after, waits


def _by_cause(facts: Sequence[ev.Fact]) -> Iterator[tuple[int, int]]:
    """The n-th output of a cause follows the cause and the output before it."""
    places: dict[str, int] = {}
    for place, fact in enumerate(facts):
        places.setdefault(fact.id, place)
    outputs: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for fact_id, place in places.items():
        cause, _, number = fact_id.rpartition("/")
        if number.isdecimal() and cause:
            # A repeat's outputs are numbered apart: "<cause>#<how many>/<number>".
            outputs[cause].append((int(number), place))
    for cause, numbered in outputs.items():
        chain = [place for _, place in sorted(numbered)]
        told = places.get(cause.partition("#")[0])
        yield from pairwise(chain if told is None else [told, *chain])


def _by_order(facts: Sequence[ev.Fact]) -> Iterator[tuple[int, int]]:
    """A report follows its command, and the end of an order the cancel that was to end it."""
    commands: dict[str, int] = {}
    cancels: dict[str, int] = {}
    for place, fact in enumerate(facts):
        if isinstance(fact, ev.OrderCommanded):
            commands.setdefault(fact.order.client_order_id, place)
        elif isinstance(fact, ev.CancelCommanded):
            cancels.setdefault(fact.client_order_id, place)
    for place, fact in enumerate(facts):
        if not isinstance(fact, ev.OrderFact):
            continue
        if fact.client_order_id in commands:
            yield commands[fact.client_order_id], place
        if isinstance(fact, ev.OrderCanceled) and fact.client_order_id in cancels:
            cancel = cancels[fact.client_order_id]
            # A later cancel came in vain: the order had ended by itself.
            if facts[cancel].at_ms <= fact.at_ms:
                yield cancel, place
