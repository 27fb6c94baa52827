"""Invariants of the end: all is well again, and everything has to have come to something."""

from collections import Counter

import msgspec

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.app.simulation.around import Around
from quantum_trader.app.simulation.machine import Running
from quantum_trader.app.simulation.violation import Violated
from quantum_trader.core.errors import Malformed
from quantum_trader.core.events import IntentApplied, IntentRefused, IntentSkipped
from quantum_trader.core.intent_edge import plan_id_of, read_intent
from quantum_trader.core.orders.ids import is_ours
from quantum_trader.core.state import state_hash
from quantum_trader.services import inbox, wire
from quantum_trader.services.recovery import rebuild_from_log
from quantum_trader.streams import APPLY_RESULT, LIVE, TRADE_INTENT, TRADE_INTENT_DLQ, TRADER
from quantum_trader.streams.ids import parse

ALL = 1_000_000
ANSWERS = IntentApplied | IntentRefused | IntentSkipped


def unsettled(around: Around, running: Running) -> str | None:
    """What keeps the world from being settled; None when every plan is over or protected."""
    state, venue = running.state, around.moods.venue
    booked = {symbol: one.qty for symbol, one in state.positions.items()}
    if booked != venue.positions:
        return f"booked are {booked}, the venue holds {venue.positions}"
    if around.disk.journal.unresolved():
        return f"no outcome of {around.disk.journal.unresolved()[0].id}"
    for symbol, qty in venue.positions.items():
        plan = state.plans.get(state.plan_of.get(symbol, ""))
        if plan is None:
            return f"{qty} {symbol} belong to no plan"
        if plan.stop is None or not plan.covers(state.positions[symbol]):
            return f"the plan of {symbol} has no stop for all of it"
        if venue.covered(symbol) < abs(qty):
            return f"{symbol} has too few stops at the venue"
    for plan in state.plans.values():
        if plan.symbol not in venue.positions:
            return f"the plan of {plan.symbol} is neither over nor protected"
    known = {one.client_order_id for plan in state.plans.values() for one in plan.resting()}
    for symbol in around.market.prices:
        for order in venue.resting(symbol):
            if is_ours(order.client_order_id) and order.client_order_id not in known:
                return f"{order.kind} {order.client_order_id} of {symbol} belongs to no plan"
    return None


def check_ledger(around: Around, running: Running) -> None:
    """The wallet is the venue's."""
    booked, real = running.state.ledger.wallet_usd, around.moods.venue.wallet_usd
    if booked != real:
        raise Violated("I8", f"the wallet is booked as {booked}, and is {real}")
    if running.state.ledger.total_usd():
        raise Violated("I8", f"the ledger sums to {running.state.ledger.total_usd()}, not to 0")


async def check_messages(around: Around) -> None:
    """Every group has passed everything, and every intent was answered."""
    memory = around.server.memory
    for row in LIVE:
        info = await memory.info(row.key)
        for group in () if info is None else info.groups:
            if group.pending or group.lag:
                raise Violated(
                    "I13",
                    f"{group.service} has {group.pending} pending and {group.lag} to read "
                    f"on {row.key}",
                )
            if len(group.consumers) > 1:
                raise Violated("I10", f"{row.key} has {len(group.consumers)} consumers")
    await _check_answers(memory, around.rules.account)


async def _check_answers(memory: MemoryBus, account: str) -> None:
    asked: Counter[str] = Counter()
    unreadable = 0
    first = await _first_taken(memory)
    for entry in await memory.span(TRADE_INTENT, first, "+", ALL):
        try:
            asked[plan_id_of(read_intent(entry.fields, account=account))] += 1
        except Malformed:
            unreadable += 1
    letters = len(await memory.span(TRADE_INTENT_DLQ, "-", "+", ALL))
    if letters != unreadable:
        raise Violated("I13", f"{unreadable} intents could not be read, {letters} dead letters")
    answered: Counter[str] = Counter()
    for entry in await memory.span(APPLY_RESULT, "-", "+", ALL):
        fact = wire.read(entry)
        if isinstance(fact, ANSWERS):
            answered[fact.plan_id] += 1
    for plan_id, times in asked.items():
        if answered[plan_id] != times:
            raise Violated(
                "I13", f"[{plan_id}] was asked {times} times and answered {answered[plan_id]}"
            )


async def _first_taken(memory: MemoryBus) -> str:
    """Where the trader's reading of intents begins: what lay there before it came is not for it.

    What an instance read in the moment in which it was fenced is finished by the next one after
    newer entries, so the first that was taken is not always the first there was to take.
    """
    firsts = [
        taken.first
        for _, record in await memory.inbox(TRADER, "0-0", ALL)
        for taken in inbox.decode(record).took
        if taken.stream == TRADE_INTENT
    ]
    return min(firsts, key=parse, default="+")


async def check_replay(around: Around, running: Running) -> None:
    """The state folded again from its log, and the journal written again from what it was told."""
    memory, trader = around.server.memory, running.system.trader
    rebuilt = await rebuild_from_log(memory, TRADER, trader)
    if state_hash(rebuilt.state) != state_hash(running.state):
        raise Violated(
            "I16",
            "the trader's state is not what its log leads to"
            + _where(rebuilt.state, running.state),
        )
    again = MemoryJournal()
    for commands, facts, venue_seq in around.disk.written.calls:
        if commands:
            again.intend(commands)
        else:
            again.conclude(facts, venue_seq=venue_seq)
    real = around.disk.journal
    if again.outbox(0, ALL) != real.outbox(0, ALL) or again.unresolved() != real.unresolved():
        raise Violated("I16", "the journal is not what it was told")


def _where(one: msgspec.Struct, other: msgspec.Struct) -> str:
    """The fields in which two states differ."""
    names = [name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)]
    return f" ({', '.join(names)})"
