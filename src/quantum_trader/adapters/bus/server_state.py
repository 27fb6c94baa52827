"""What a running server says of itself: version, file, memory, clock, and how it is set."""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from redis.exceptions import ResponseError

from quantum_trader.adapters.bus.connection import ANSWER_TIMEOUT_S, answers, connect

VERSION_MIN = (7, 0)
ROUND_TRIP_MS_MAX = 500
"""A slower answer measures the way and not the clock."""


class ServerState(msgspec.Struct, frozen=True, kw_only=True):
    """A server at one moment.

    ``writes`` and ``rewrites`` tell whether its append-only file could be written last, and be made
    compact. ``memory_limit_bytes`` is its own limit, else all the memory of its machine; None
    unknown. ``clock_ms`` is its clock less ours; None where it does not say, or was slow to.
    """

    version: str
    eviction: str
    appends: bool
    writes: bool
    rewrites: bool
    memory_bytes: int
    memory_limit_bytes: int | None
    clock_ms: int | None

    @property
    def memory_frac(self) -> float | None:
        """How much of what it may have is used."""
        limit = self.memory_limit_bytes
        return self.memory_bytes / limit if limit else None

    def too_old(self) -> str | None:
        """Why it cannot be used at all; None when it can."""
        if tuple(int(part) for part in re.findall(r"\d+", self.version)[:2]) >= VERSION_MIN:
            return None
        return (
            f"the stream server is version {self.version}; at least 7.0 is needed, because older "
            "ones keep lost entries pending for ever and do not count what was added to a stream"
        )

    def warnings(self) -> list[str]:
        """Why it is not fit to hold orders, by how it is set."""
        found = []
        if self.eviction != "noeviction":
            found.append(
                f"maxmemory-policy is {self.eviction}: the server may delete whole "
                "streams when memory is short; set it to noeviction"
            )
        if not self.appends:
            found.append(
                "appendonly is off: what was acknowledged is lost when the server dies; "
                "set appendonly to yes"
            )
        return found


async def state_of(url: str) -> ServerState:
    """Ask a server about itself. Raises ``BusUnreachable``."""
    client = connect(url, answer_timeout_s=ANSWER_TIMEOUT_S)
    try:
        with answers(url):
            await client.ping()  # To connect takes time of its own.
            sent_ms = _now_ms()
            about: Mapping[str, Any] = await client.info()
            received_ms = _now_ms()
    finally:
        await client.aclose()
    limit = int(about.get("maxmemory", 0)) or int(about.get("total_system_memory", 0))
    micros = about.get("server_time_usec")
    return ServerState(
        version=str(about["redis_version"]),
        eviction=str(about.get("maxmemory_policy")),
        appends=bool(about.get("aof_enabled")),
        writes=about.get("aof_last_write_status", "ok") == "ok",
        rewrites=about.get("aof_last_bgrewrite_status", "ok") == "ok",
        memory_bytes=int(about.get("used_memory", 0)),
        memory_limit_bytes=limit or None,
        clock_ms=None if micros is None else _apart(sent_ms, int(micros) // 1000, received_ms),
    )


def _apart(sent_ms: int, there_ms: int, received_ms: int) -> int | None:
    """How far a clock that was read in between is from ours; None when that took too long."""
    if not 0 <= received_ms - sent_ms <= ROUND_TRIP_MS_MAX:
        return None
    return there_ms - (sent_ms + received_ms) // 2


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def fsync_of(url: str) -> str | None:
    """How a server syncs its file: ``always``, ``everysec`` or ``no``; None where it won't say."""
    client = connect(url, answer_timeout_s=ANSWER_TIMEOUT_S)
    try:
        with answers(url), suppress(ResponseError):
            told = await client.config_get("appendfsync")
            return str(told["appendfsync"]) if told else None
    finally:
        await client.aclose()
    return None
