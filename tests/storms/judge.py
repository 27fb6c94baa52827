"""What is left after a storm, counted: messages, orders, and every moment without a stop."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from quantum_trader import streams
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.exchanges.paper_store import PaperStore
from quantum_trader.adapters.journal.sqlite import audit
from quantum_trader.core import events
from quantum_trader.core.events import (
    Fact,
    OrderAccepted,
    OrderCommanded,
    OrderFilled,
    PlanMade,
    PositionClosed,
)
from quantum_trader.core.matching.state import Market
from quantum_trader.core.units import ZERO, signed_qty
from quantum_trader.streams.ids import parse

PAGE = 20_000
CANARY = events.TAGS[events.CanarySung].encode()


class Verdict(msgspec.Struct, kw_only=True):
    """What was found. Everything under ``lost``, ``doubled`` and ``naked`` must be zero.

    ``unprotected_ms`` is the longest time from a first fill to its confirmed stop (or its end),
    the time in which no system could act left out.
    """

    intents: int = 0
    answers: int = 0
    dead_letters: int = 0
    plans: int = 0
    entries: int = 0
    fills: int = 0
    journal_records: int = 0
    lost: int = 0
    doubled_facts: int = 0
    doubled_entries: int = 0
    naked: int = 0
    unprotected_ms: int = 0
    positions_agree: bool = False

    def problems(self, bound_ms: int) -> list[str]:
        """Everything that must not be, as sentences; empty when the storm was survived."""
        asked = (
            (self.lost, "messages have no end"),
            (self.doubled_facts, "facts were published twice"),
            (self.doubled_entries, "plans were entered twice"),
            (self.naked, "positions stand without a stop for all of them"),
            (not self.positions_agree, "positions: our books and the venue's differ"),
            (self.unprotected_ms > bound_ms, f"{self.unprotected_ms} ms without a stop"),
            (not self.entries, "nothing was traded, so nothing was shown"),
        )
        return [f"{value}: {what}" for value, what in asked if value]


class Times(msgspec.Struct, frozen=True):
    """What only whoever keeps the processes knows: when nobody could act, and when each was ready.

    ``born`` is by the epoch of the trader.
    """

    downs: Sequence[tuple[int, int]]
    born: Mapping[int, int]


async def judge(bus: RedisBus, data: Path, times: Times) -> Verdict:
    """Count what the streams and, after the system has ended, the files say."""
    verdict = Verdict()
    verdict.intents = await _intents(bus)
    verdict.answers = await _length(bus, streams.APPLY_RESULT)
    verdict.dead_letters = await _length(bus, streams.TRADE_INTENT_DLQ)
    verdict.lost = abs(verdict.intents - verdict.answers - verdict.dead_letters)
    plans = [one for one in await facts(bus, streams.APPLY_PLAN) if isinstance(one, PlanMade)]
    verdict.plans = len(plans)
    results = await facts(bus, streams.EXECUTION_RESULT)
    verdict.doubled_facts = len(results) - len({fact.id for fact in results})
    fills = [fact for fact in results if isinstance(fact, OrderFilled)]
    verdict.fills = len(fills)
    entries = Counter(one.plan_id for one in fills if one.role == "entry" and one.done)
    verdict.entries = len(entries)
    verdict.doubled_entries = sum(count > 1 for count in entries.values())
    commanded = await _told(bus, streams.ORDER_COMMAND)
    history = [*results, *await facts(bus, streams.STREAMS["position.changed"].key)]
    asked = asked_ms(commanded, times.born)
    verdict.unprotected_ms = max(_unprotected(asked, history, times.downs), default=0)
    _judge_files(verdict, data, fills)
    return verdict


async def facts(bus: RedisBus, key: str) -> list[Fact]:
    """Every fact of a stream, from its beginning."""
    return [fact for _, fact in await _told(bus, key)]


async def _told(bus: RedisBus, key: str) -> list[tuple[int, Fact]]:
    """Every fact of a stream, with the epoch of the life in which its writer told it."""
    found: list[tuple[int, Fact]] = []
    after = "-"
    while True:
        page = await bus.span(key, after, "+", PAGE)
        for entry in page:
            assert entry.fields is not None
            epoch, _ = parse(entry.id)
            found.append((epoch, events.decode(entry.fields[b"payload"])))
        if len(page) < PAGE:
            return found
        after = f"({page[-1].id}"


async def settled(bus: RedisBus) -> tuple[bool, str]:
    """Whether every intent has its one end, and the counts."""
    asked = await _intents(bus)
    keys = (streams.APPLY_RESULT, streams.TRADE_INTENT_DLQ)
    answered, dead = [await _length(bus, key) for key in keys]
    return asked == answered + dead, f"intents {asked}, answers {answered}, dead letters {dead}"


async def _intents(bus: RedisBus) -> int:
    """How many were proposed: all that is on their stream but canaries, which ask for nothing."""
    count, after = 0, "-"
    while page := await bus.span(streams.TRADE_INTENT, after, "+", PAGE):
        count += sum((one.fields or {}).get(b"type") != CANARY for one in page)
        after = f"({page[-1].id}"
    return count


async def _length(bus: RedisBus, key: str) -> int:
    info = await bus.info(key)
    return 0 if info is None else info.added


def asked_ms(commanded: Iterable[tuple[int, Fact]], born: Mapping[int, int]) -> dict[str, int]:
    """When each entry left at the earliest.

    A trader goes by the last second that it was told, which right after a start is one of before.
    """
    entries = ((epoch, fact) for epoch, fact in commanded if isinstance(fact, OrderCommanded))
    return {
        fact.plan_id: max(fact.at_ms, born.get(epoch, 0))
        for epoch, fact in entries
        if fact.role == "entry"
    }


def _unprotected(
    asked: Mapping[str, int], history: Iterable[Fact], downs: Sequence[tuple[int, int]]
) -> Iterable[int]:
    """How long each position stood before its first stop was confirmed, or it was gone.

    Nothing fills before it was asked for: the paper exchange's clock is that of its last price,
    which may be an older one right after the start.
    """
    entered: dict[str, OrderFilled] = {}
    safe: dict[str, int] = {}
    closed: dict[str, list[int]] = {}
    for fact in history:
        match fact:
            case OrderFilled(role="entry"):
                entered.setdefault(fact.plan_id, fact)
            case OrderAccepted(role="stop"):
                safe.setdefault(fact.plan_id, fact.at_ms)
            case PositionClosed():
                closed.setdefault(fact.symbol, []).append(fact.at_ms)
    for plan_id, fill in entered.items():
        since_ms = max(fill.at_ms, asked.get(plan_id, 0))
        ends = [at for at in closed.get(fill.symbol, []) if at >= since_ms]
        ends += [safe[plan_id]] if plan_id in safe else []
        if ends:
            yield awake(since_ms, min(ends), downs)


def awake(since_ms: int, until_ms: int, downs: Sequence[tuple[int, int]]) -> int:
    """A span of time without the parts of it in which no system ran."""
    awake_ms, from_ms = 0, since_ms
    for begin_ms, end_ms in sorted(downs):  # They may overlap, and count once.
        awake_ms += max(min(begin_ms, until_ms) - from_ms, 0)
        from_ms = max(from_ms, end_ms)
    return awake_ms + max(until_ms - from_ms, 0)


def _judge_files(verdict: Verdict, data: Path, fills: Sequence[OrderFilled]) -> None:
    (journal,) = data.glob("**/journal.sqlite")
    verdict.journal_records = audit(journal)
    (venue,) = data.glob("**/paper-venue.sqlite")
    store = PaperStore(venue)
    saved = store.load()
    store.close()
    assert saved is not None
    held: dict[str, Decimal] = {}
    for fill in fills:
        held[fill.symbol] = held.get(fill.symbol, ZERO) + signed_qty(fill.side, fill.qty)
    markets = saved.state.markets.values()
    at_venue = {one.symbol: one.position.qty for one in markets if one.position.qty}
    verdict.positions_agree = at_venue == {symbol: qty for symbol, qty in held.items() if qty}
    verdict.naked = sum(_stops(market) < abs(market.position.qty) for market in markets)


def _stops(market: Market) -> Decimal:
    stops = (one.request.qty for one in market.orders if one.request.kind == "STOP_MARKET")
    return sum(stops, ZERO)
