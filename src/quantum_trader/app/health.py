"""What is wrong with the running system: the wiring as it is, against the wiring as declared.

``look`` asks the bus once for everything; ``findings`` judges what was seen, without asking again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from quantum_trader import streams
from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.namespace import PAPER, Namespace
from quantum_trader.app.finding import Finding, red, yellow
from quantum_trader.app.letters import Letter, all_letters
from quantum_trader.app.story import span_text
from quantum_trader.core.arming import CLOCK_OFFSET_MAX_MS
from quantum_trader.core.stream_info import GroupInfo, StreamInfo
from quantum_trader.ports import Bus
from quantum_trader.services.exchange_health import CLOCK_OFFSET_MS, EXCHANGE, ODDITIES, TROUBLES

LAG_MAX = 1_000
PENDING_AGE_MAX_MS = 60_000
CONSUMER_IDLE_MAX_MS = 60_000
HEARTBEAT_AGE_MAX_MS = 10_000
BEATING = (*streams.CONSUMERS, streams.FEED, streams.CLOCK, EXCHANGE)
"""Services without which nobody trades; each writes a heartbeat."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The system at one moment. ``held`` are the streams by key, ours or not.

    ``names`` spell a key as the server has it, which is how it is told to people.
    """

    names: Namespace = PAPER
    held: Mapping[str, StreamInfo]
    heartbeats: Mapping[str, Mapping[str, bytes]]
    letters: Sequence[Letter]


async def look(bus: Bus, names: Namespace = PAPER) -> Seen:
    """Ask for everything that ``findings`` judges. Raises ``BusUnreachable``."""
    held = {}
    for key in await bus.streams():
        info = await bus.info(key)
        if info is not None:
            held[key] = info
    return Seen(
        names=names,
        held=held,
        heartbeats={
            service: await bus.heartbeat(service) for service in (*BEATING, *streams.KEEPERS)
        },
        letters=await all_letters(bus),
    )


def findings(seen: Seen, now_ms: int) -> tuple[Finding, ...]:
    """What is wrong with groups, loops and streams, the dangerous first."""
    return in_order(
        [
            *_missing_groups(seen),
            *_group_findings(seen),
            *_silent_loops(seen, now_ms),
            *_exchange_troubles(seen),
            *_venue_clock(seen),
            *_oddities(seen),
            *_dead_letters(seen),
            *_strangers(seen),
        ]
    )


def in_order(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The dangerous first."""
    return tuple(sorted(found, key=lambda finding: finding.level))


def _missing_groups(seen: Seen) -> Iterator[Finding]:
    for service, key in streams.groups():
        held = seen.held.get(key)
        if held is None or service not in {group.service for group in held.groups}:
            yield red(
                "group.missing",
                seen.names.outer(key),
                f"{service} has no consumer group: nobody remembers what it has read",
                "Start the system (`quantum run`); if it runs, the store was emptied: stop it and "
                "look why.",
            )


def _group_findings(seen: Seen) -> Iterator[Finding]:
    expected = set(streams.groups())
    for key, info in seen.held.items():
        for group in info.groups:
            if (group.service, key) in expected:
                yield from _judge_group(seen.names.outer(key), group)
            else:
                yield yellow(
                    "group.stranger",
                    seen.names.outer(key),
                    f"group {group.service} is not in the table: whose is it?",
                    "If it is nobody's, remove it with XGROUP DESTROY; else see that it reads.",
                )


def _judge_group(key: str, group: GroupInfo) -> Iterator[Finding]:
    where = f"{key} {group.service}"
    if group.lag > LAG_MAX:
        what = f"{group.lag:,} entries behind"
        remedy = f"See whether {group.service} runs, and is slow or stuck; `quantum run` if not."
        yield red("lag.high", where, what, remedy)
    oldest_ms = group.oldest_pending_ms or 0
    if group.pending and oldest_ms > PENDING_AGE_MAX_MS:
        what = f"{group.pending} entries taken and not finished, for {span_text(oldest_ms)}"
        remedy = "End the process and start it, `quantum run`: what it left comes first."
        yield red("pending.old", where, what, remedy)
    for name, pending, idle_ms in group.consumers:
        if idle_ms > CONSUMER_IDLE_MAX_MS:
            what = f"consumer {name} has no process ({span_text(idle_ms)} idle, holds {pending})"
            remedy = (
                f"{group.service} takes its entries over by itself when it runs."
                if pending
                else f"Remove it: XGROUP DELCONSUMER {key} {keys.group(group.service)} {name}"
            )
            yield (red if pending else yellow)("consumer.gone", where, what, remedy)


def _silent_loops(seen: Seen, now_ms: int) -> Iterator[Finding]:
    for service in BEATING:
        at = seen.heartbeats.get(service, {}).get("at")
        if at is None:
            what = "has never beaten: it was never started here"
            yield red("loop.silent", service, what, "Start the system: `quantum run`.")
        elif now_ms - int(at) > HEARTBEAT_AGE_MAX_MS:
            what = f"silent for {span_text(now_ms - int(at))}"
            remedy = "It hangs or is gone: end the process and start it, `quantum run`."
            yield red("loop.silent", service, what, remedy)


def _exchange_troubles(seen: Seen) -> Iterator[Finding]:
    told = seen.heartbeats.get(EXCHANGE, {}).get(TROUBLES, b"{}")
    for ability, why in msgspec.json.decode(told, type=dict[str, str]).items():
        what = f"fails at {ability}, so no entry is sent; exits go on ({why})"
        remedy = "It tries again by itself; look at the venue and at the way to it."
        yield red("exchange.failing", EXCHANGE, what, remedy)


def _venue_clock(seen: Seen) -> Iterator[Finding]:
    """How far the clock of a venue outside is from ours, as its door measured it last."""
    told = seen.heartbeats.get(EXCHANGE, {}).get(CLOCK_OFFSET_MS)
    if told is None:
        return
    offset_ms = msgspec.json.decode(told, type=int | None)
    if offset_ms is None:
        what = "how far its clock is from this machine's was not measured lately"
        yield red("clock.unknown", EXCHANGE, what, "Look at the venue and at the way to it.")
    elif abs(offset_ms) > CLOCK_OFFSET_MAX_MS:
        what = f"its clock is {offset_ms:+,} ms from this machine's"
        yield red("clock.apart", EXCHANGE, what, "Set this machine's clock by NTP: `timedatectl`.")


def _oddities(seen: Seen) -> Iterator[Finding]:
    """What the venue said that could not be taken as it was, since the start."""
    told = seen.heartbeats.get(EXCHANGE, {}).get(ODDITIES, b"{}")
    counts = msgspec.json.decode(told, type=dict[str, int])
    if counts:
        listed = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
        what = f"some of what it said was not as expected (since the start: {listed})"
        remedy = "The log has the reasons; if they go on, see whether the venue has changed."
        yield yellow("exchange.odd", EXCHANGE, what, remedy)


def _dead_letters(seen: Seen) -> Iterator[Finding]:
    for key in streams.dead_letter_streams():
        waiting = [one for one in seen.letters if one.waits and one.place[0] == key]
        if waiting:
            again = sum(one.state == "failed again" for one in waiting)
            theirs = key == streams.TRADE_INTENT_DLQ
            letters = "1 dead letter" if len(waiting) == 1 else f"{len(waiting):,} dead letters"
            told = f", {again:,} of them sent again in vain" if again else ""
            remedy = f"`quantum dlq list --stream {key.removeprefix(streams.PREFIX)} --by reason`"
            level = yellow if theirs else red
            yield level(
                "letters.waiting",
                seen.names.outer(key),
                f"{letters} nobody has dealt with{told}",
                remedy,
            )


def _strangers(seen: Seen) -> Iterator[Finding]:
    for key in seen.held:
        if not key.startswith(streams.PREFIX):
            continue
        row = streams.STREAMS.get(key.removeprefix(streams.PREFIX))
        if row is None:
            remedy = "Find out who writes it; no part of this system reads it."
            yield yellow("stream.stranger", seen.names.outer(key), "is not in the table", remedy)
        elif row.status != "live":
            goal = f"Write to {row.successor} instead." if row.successor else "Stop writing it."
            what = f"is {row.status}, and yet somebody wrote to it"
            yield yellow("stream.dormant", seen.names.outer(key), what, goal)
