"""What a Redis-compatible server knows of a stream, with a lag that is counted, not guessed.

The server's own lag is wrong once entries were trimmed, so it is never used.
"""

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.connection import ANSWER_TIMEOUT_S, answers, connect
from quantum_trader.adapters.bus.namespace import OURS, Namespace
from quantum_trader.core.stream_info import GroupInfo, StreamInfo


async def describe(client: Redis, stream: str, names: Namespace) -> StreamInfo | None:
    """Ask about a stream and its groups; None when it does not exist. Redis errors pass through."""
    key = names.outer(stream)
    try:
        about: dict[str, Any] = await client.xinfo_stream(key)
    except ResponseError as error:
        if "no such key" in str(error):
            return None
        raise
    added = int(about["entries-added"])
    rows = await client.xinfo_groups(key)
    groups = [await _group(client, key, row, added, names) for row in rows]
    last_id = about["last-generated-id"].decode()
    return StreamInfo(stream, int(about["length"]), added, last_id, tuple(groups))


async def strays(url: str, names: Namespace) -> dict[str, int]:
    """Streams with entries that a server holds under names of other modes, and how many entries."""
    found: dict[str, int] = {}
    client = connect(url, answer_timeout_s=ANSWER_TIMEOUT_S)
    try:
        with answers(url):
            async for key in client.scan_iter(f"{OURS}*", count=1000, _type="stream"):
                if names.inner(key.decode()) is None:
                    found[key.decode()] = int(await client.xlen(key))
    finally:
        await client.aclose()
    return {key: entries for key, entries in sorted(found.items()) if entries}


async def _group(
    client: Redis, key: str, row: dict[str, Any], added: int, names: Namespace
) -> GroupInfo:
    name = row["name"].decode()
    service = keys.service_of(name)
    async with client.pipeline(transaction=True) as ask:
        ask.xinfo_consumers(key, name)
        ask.xpending_range(key, name, min="-", max="+", count=1)
        ask.hget(names.outer(keys.base(service)), key)
        ask.hget(names.outer(keys.consumed(service)), key)
        consumers, oldest, base, consumed = await ask.execute()
    return GroupInfo(
        service,
        int(row["pending"]),
        int(oldest[0]["time_since_delivered"]) if oldest else None,
        oldest[0]["message_id"].decode() if oldest else None,
        tuple((one["name"].decode(), one["pending"], one["idle"]) for one in consumers),
        row["last-delivered-id"].decode(),
        added - int(base or 0) - int(consumed or 0),
    )
