"""Defects that are planted on purpose, to prove that the worlds find them.

Each replaces a real function, or bends a stream of facts, while it is planted. The system itself
has no switch for any of them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from quantum_trader.app.simulation import planted_core as core
from quantum_trader.app.simulation import planted_services as services


class Plant(NamedTuple):
    """A defect: what it is, what puts it in place until the stack is closed, and how soon worlds
    from seed 0 on must find it.
    """

    what: str
    apply: Callable[[ExitStack], Any]
    within: int


PLANTS: Mapping[str, Plant] = {
    "ack_before_commit": Plant(
        "messages are acknowledged when they are read", services.ack_before_commit, 25
    ),
    "dedupe_with_ttl": Plant("a plan id is forgotten after ten seconds", core.dedupe_with_ttl, 150),
    "name_without_attempt": Plant(
        "a second try has the name of the first", core.name_without_attempt, 5
    ),
    "retry_market_on_timeout": Plant(
        "an order without an answer is sent again", services.retry_market_on_timeout, 10
    ),
    "unknown_is_failed": Plant(
        "an order without an answer counts as refused", services.unknown_is_failed, 5
    ),
    "not_found_is_dead": Plant(
        "an order that one query denies counts as dead", services.not_found_is_dead, 10
    ),
    "position_deleted_on_exit": Plant(
        "a position is forgotten when its exit is commanded", core.position_deleted_on_exit, 5
    ),
    "fills_without_trade_id": Plant(
        "fills are told apart by their order alone", services.fills_without_trade_id, 10
    ),
    "stop_as_ordered": Plant(
        "a stop is for what was ordered and believed to be for what stands",
        core.stop_as_ordered,
        320,
    ),
    "old_stop_first": Plant(
        "a moved stop is canceled before the new one is placed", core.old_stop_first, 5
    ),
    "orphans_left": Plant("a plan ends while orders of it rest", core.orphans_left, 300),
    "target_not_reduce_only": Plant("targets are not reduce-only", core.target_not_reduce_only, 5),
    "targets_rounded_up": Plant("each target is a step too large", core.targets_rounded_up, 150),
    "age_from_receipt": Plant("an intent is as old as its receipt", core.age_from_receipt, 60),
    "wall_clock_lease": Plant(
        "a lease that was replaced still counts for a while, by the clock on the wall",
        services.wall_clock_lease,
        150,
    ),
    "sent_before_written": Plant(
        "an order leaves before the journal has it", services.sent_before_written, 5
    ),
    "consumer_named_by_process": Plant(
        "every process reads under a name of its own", services.consumer_named_by_process, 5
    ),
    "trimmed_by_producer": Plant(
        "whoever appends to a stream trims it", services.trimmed_by_producer, 5
    ),
    "empty_payload_default": Plant(
        "what cannot be read becomes a default", services.empty_payload_default, 60
    ),
    "failed_query_is_flat": Plant(
        "a question without an answer means that there is nothing",
        services.failed_query_is_flat,
        60,
    ),
    "guardian_idle": Plant("the guardian looks and does nothing", services.guardian_idle, 60),
}


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """While inside, the system has this defect."""
    with ExitStack() as stack:
        if name is not None:
            PLANTS[name].apply(stack)
        yield
