"""What is wrong with the running system: the wiring as it is, against the wiring as declared.

``look`` asks the bus once for everything; ``findings`` judges what was seen, without asking again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from quantum_trader import streams
from quantum_trader.adapters.bus import keys
from quantum_trader.app.story import span_text
from quantum_trader.core.stream_info import GroupInfo, StreamInfo
from quantum_trader.ports import Bus
from quantum_trader.services.exchange_health import EXCHANGE, TROUBLES

LAG_MAX = 1_000
PENDING_AGE_MAX_MS = 60_000
CONSUMER_IDLE_MAX_MS = 60_000
HEARTBEAT_AGE_MAX_MS = 10_000
BEATING = (*streams.CONSUMERS, streams.FEED, streams.CLOCK, EXCHANGE)
"""Services whose loops write a heartbeat."""

REDRIVEN = "redriven"
"""The projection that remembers which dead letters were sent again: a field per letter."""

Level = Literal["red", "yellow"]


class Finding(msgspec.Struct, frozen=True):
    """Something wrong: red is a danger to money or data, yellow can wait."""

    level: Level
    where: str
    what: str
    remedy: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The system at one moment. ``held`` are the streams by key, ours or not."""

    held: Mapping[str, StreamInfo]
    heartbeats: Mapping[str, Mapping[str, bytes]]
    redriven: Mapping[str, bytes]


async def look(bus: Bus) -> Seen:
    """Ask for everything that ``findings`` judges. Raises ``BusUnreachable``."""
    held = {}
    for key in await bus.streams():
        info = await bus.info(key)
        if info is not None:
            held[key] = info
    return Seen(
        held=held,
        heartbeats={service: await bus.heartbeat(service) for service in BEATING},
        redriven=await bus.projection(REDRIVEN),
    )


def findings(seen: Seen, now_ms: int, warnings: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Everything wrong, the dangerous first. ``warnings`` is what the server itself revealed."""
    found = [
        *(Finding("red", "server", warning, "Change its configuration.") for warning in warnings),
        *_missing_groups(seen),
        *_group_findings(seen),
        *_silent_loops(seen, now_ms),
        *_exchange_troubles(seen),
        *_dead_letters(seen),
        *_strangers(seen),
    ]
    return tuple(sorted(found, key=lambda finding: finding.level))


def letter_name(stream: str, entry_id: str) -> str:
    """The field of a dead letter in the projection of redriven ones."""
    return f"{stream}|{entry_id}"


def _missing_groups(seen: Seen) -> Iterator[Finding]:
    for service, key in streams.groups():
        held = seen.held.get(key)
        if held is None or service not in {group.service for group in held.groups}:
            yield Finding(
                "red",
                key,
                f"{service} has no consumer group: nobody remembers what it has read",
                "Start the system; if it runs, the store was emptied: stop it and look why.",
            )


def _group_findings(seen: Seen) -> Iterator[Finding]:
    expected = set(streams.groups())
    for key, info in seen.held.items():
        for group in info.groups:
            if (group.service, key) in expected:
                yield from _judge_group(key, group)
            else:
                yield Finding(
                    "yellow",
                    key,
                    f"group {group.service} is not in the table: whose is it?",
                    "If it is nobody's, remove it with XGROUP DESTROY.",
                )


def _judge_group(key: str, group: GroupInfo) -> Iterator[Finding]:
    where = f"{key} {group.service}"
    if group.lag > LAG_MAX:
        what = f"{group.lag:,} entries behind"
        yield Finding(
            "red", where, what, f"See whether {group.service} runs, and is slow or stuck."
        )
    oldest_ms = group.oldest_pending_ms or 0
    if group.pending and oldest_ms > PENDING_AGE_MAX_MS:
        what = f"{group.pending} entries taken and not finished, for {span_text(oldest_ms)}"
        yield Finding("red", where, what, f"Restart {group.service}: its own entries come first.")
    for name, pending, idle_ms in group.consumers:
        if idle_ms > CONSUMER_IDLE_MAX_MS:
            what = f"consumer {name} has no process ({span_text(idle_ms)} idle, holds {pending})"
            remedy = (
                f"{group.service} takes its entries over by itself when it runs."
                if pending
                else f"Remove it: XGROUP DELCONSUMER {key} {keys.group(group.service)} {name}"
            )
            yield Finding("red" if pending else "yellow", where, what, remedy)


def _silent_loops(seen: Seen, now_ms: int) -> Iterator[Finding]:
    for service in BEATING:
        at = seen.heartbeats.get(service, {}).get("at")
        if at is None:
            yield Finding(
                "red", service, "has never beaten: it was never started here", "Start it."
            )
        elif now_ms - int(at) > HEARTBEAT_AGE_MAX_MS:
            silent = span_text(now_ms - int(at))
            yield Finding(
                "red", service, f"silent for {silent}", "It hangs or is gone: restart it."
            )


def _exchange_troubles(seen: Seen) -> Iterator[Finding]:
    told = seen.heartbeats.get(EXCHANGE, {}).get(TROUBLES, b"{}")
    for ability, why in msgspec.json.decode(told, type=dict[str, str]).items():
        what = f"fails at {ability}, so no entry is sent; exits go on ({why})"
        remedy = "It tries again by itself; look at the venue and at the way to it."
        yield Finding("red", EXCHANGE, what, remedy)


def _dead_letters(seen: Seen) -> Iterator[Finding]:
    for key in streams.dead_letter_streams():
        info = seen.held.get(key)
        sent_again = sum(name.startswith(f"{key}|") for name in seen.redriven)
        waiting = 0 if info is None else info.length - sent_again
        if waiting > 0:
            theirs = key == streams.TRADE_INTENT_DLQ
            yield Finding(
                "yellow" if theirs else "red",
                key,
                f"{waiting} dead letter{'s' if waiting > 1 else ''} nobody has dealt with",
                f"quantum dlq list --stream {key.removeprefix(streams.PREFIX)}",
            )


def _strangers(seen: Seen) -> Iterator[Finding]:
    for key in seen.held:
        if not key.startswith(streams.PREFIX):
            continue
        row = streams.STREAMS.get(key.removeprefix(streams.PREFIX))
        if row is None:
            remedy = "Find out who writes it; no part of this system reads it."
            yield Finding("yellow", key, "is not in the table", remedy)
        elif row.status != "live":
            goal = f"Write to {row.successor} instead." if row.successor else "Stop writing it."
            yield Finding("yellow", key, f"is {row.status}, and yet somebody wrote to it", goal)
