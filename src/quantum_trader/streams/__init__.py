"""The whole data flow as one table: what flows where, who writes it, who reads it, from where on.

Every stream name in the system comes from here. A service reads its streams in the order of this
table, so what the venue did is known before what somebody would like to do.
"""

from quantum_trader.core import events as ev
from quantum_trader.streams.dormant import PLANNED, RETIRED
from quantum_trader.streams.flowing import (
    ARCHIVER,
    CANARY,
    CLOCK,
    DLQ,
    EXPLAIN,
    FEED,
    GATEWAY,
    JANITOR,
    KEEPERS,
    LIVE,
    OBSERVERS,
    OPERATOR,
    OUTSIDE,
    PAGE,
    PAPER,
    SIGNALS,
    TRADER,
    VENUES,
)
from quantum_trader.streams.row import PREFIX, Status, Stream, inbox_of, inbox_row

STREAMS: dict[str, Stream] = {row.name: row for row in (*LIVE, *PLANNED, *RETIRED)}

CONSUMERS = (TRADER, GATEWAY, SIGNALS, PAPER)
"""Services with a consumer group: they acknowledge what they read."""

EXECUTION_RESULT = STREAMS["execution.result"].key
OPERATOR_STREAM = STREAMS["operator"].key
CLOCK_STREAM = STREAMS["clock"].key
MARKET_TICK = STREAMS["market.tick"].key
MARKET_KLINES = STREAMS["market.klines"].key
EXCHANGE_RAW = STREAMS["exchange.raw"].key
EXCHANGE_NORMALIZED = STREAMS["exchange.normalized"].key
TRADE_INTENT = STREAMS["trade.intent"].key
ORDER_COMMAND = STREAMS["order.command"].key
APPLY_PLAN = STREAMS["apply.plan"].key
APPLY_RESULT = STREAMS["apply.result"].key
TRADE_CLOSED = STREAMS["trade.closed"].key
TRADE_INTENT_DLQ = STREAMS["trade.intent.dlq"].key

KEPT = (*LIVE, *(inbox_row(service) for service in CONSUMERS))
"""Every stream that is archived and trimmed: those that flow, and the inboxes."""

FOLDS = (TRADER, SIGNALS)
"""Services that begin from a snapshot and what came after it."""

NOT_ROUTED = (ev.DeadLettered, ev.CanarySung)
"""Facts without a stream of their own: dead letters, by ``dead_letters_of``, and canaries, which
belong on every stream that is consumed."""

ROUTES: dict[type[ev.Fact], str] = {
    fact: row.key for row in LIVE for fact in row.facts if fact not in NOT_ROUTED
}
"""Which stream (key) a fact travels on."""


def read_by(service: str) -> tuple[str, ...]:
    """The keys a service consumes, in the order in which it consumes them."""
    return tuple(row.key for row in LIVE if service in row.readers)


def writer_of(key: str) -> str:
    """The one writer of a stream that flows."""
    writer = STREAMS[key.removeprefix(PREFIX)].writer
    assert writer is not None
    return writer


def is_numbered(key: str) -> bool:
    """Whether the writer numbers the entries itself, as ``<epoch>-<n>``.

    An entry of anybody else would have a larger id and shut the writer out.
    """
    row = STREAMS.get(key.removeprefix(PREFIX))
    return row is not None and row.writer in CONSUMERS and key != TRADE_INTENT


def dead_letters_of(service: str, stream: str) -> str:
    """The key of the dead-letter stream for what a service could not process."""
    if stream == TRADE_INTENT:
        return TRADE_INTENT_DLQ
    return STREAMS[f"dlq.{service}"].key


def dead_letter_streams() -> tuple[str, ...]:
    """The keys of all dead-letter streams."""
    return tuple(row.key for row in LIVE if ev.DeadLettered in row.facts)


def groups() -> tuple[tuple[str, str], ...]:
    """Every consumer group there has to be, as (service, key)."""
    return tuple((service, key) for service in CONSUMERS for key in read_by(service))


def problems(table: tuple[Stream, ...] = tuple(STREAMS.values())) -> tuple[str, ...]:
    """What is wrong with a table, as sentences; empty when nothing is.

    One writer and at least one reader for all that flows, every fact on exactly one stream (dead
    letters and canaries excepted), a reason for everything that does not flow, and no name twice.
    """
    found = [line for row in table for line in _row_problems(row)]
    names = [row.name for row in table]
    found += [
        f"{name} is in the table twice" for name in sorted(set(names)) if names.count(name) > 1
    ]
    routes = [fact for row in table for fact in row.facts]
    for fact in ev.FACTS:
        times = routes.count(fact)
        if fact not in NOT_ROUTED and times != 1:
            found.append(f"{fact.__name__} travels on {times} streams instead of one")
    for row in table:
        if row.successor is not None and row.successor not in names:
            found.append(f"{row.name} names a successor that is not in the table: {row.successor}")
    return tuple(found)


def _row_problems(row: Stream) -> list[str]:
    if row.status != "live":
        flows = bool(row.facts or row.writer or row.readers)
        return [
            *([f"{row.name} is {row.status} and yet something flows"] if flows else []),
            *([] if row.reason else [f"{row.name} is {row.status} without a reason"]),
        ]
    missing = {
        "a writer": row.writer,
        "a reader": row.readers,
        "a fact": row.facts,
        "a purpose": row.purpose,
    }
    return [f"{row.name} is live without {what}" for what, value in missing.items() if not value]


__all__ = [
    "APPLY_PLAN",
    "APPLY_RESULT",
    "ARCHIVER",
    "CANARY",
    "CLOCK",
    "CLOCK_STREAM",
    "CONSUMERS",
    "DLQ",
    "EXCHANGE_NORMALIZED",
    "EXCHANGE_RAW",
    "EXECUTION_RESULT",
    "EXPLAIN",
    "FEED",
    "FOLDS",
    "GATEWAY",
    "JANITOR",
    "KEEPERS",
    "KEPT",
    "LIVE",
    "MARKET_KLINES",
    "MARKET_TICK",
    "NOT_ROUTED",
    "OBSERVERS",
    "OPERATOR",
    "OPERATOR_STREAM",
    "ORDER_COMMAND",
    "OUTSIDE",
    "PAGE",
    "PAPER",
    "PLANNED",
    "PREFIX",
    "RETIRED",
    "ROUTES",
    "SIGNALS",
    "STREAMS",
    "TRADER",
    "TRADE_CLOSED",
    "TRADE_INTENT",
    "TRADE_INTENT_DLQ",
    "VENUES",
    "Status",
    "Stream",
    "dead_letter_streams",
    "dead_letters_of",
    "groups",
    "inbox_of",
    "inbox_row",
    "is_numbered",
    "problems",
    "read_by",
    "writer_of",
]
