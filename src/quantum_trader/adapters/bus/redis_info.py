"""What a Redis-compatible server knows of a stream, with a lag that is counted, not guessed.

The server's own lag is wrong once entries were trimmed, so it is never used.
"""

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from quantum_trader.adapters.bus import keys
from quantum_trader.core.stream_info import GroupInfo, StreamInfo


async def describe(client: Redis, stream: str) -> StreamInfo | None:
    """Ask about a stream and its groups; None when it does not exist. Redis errors pass through."""
    try:
        about: dict[str, Any] = await client.xinfo_stream(stream)
    except ResponseError as error:
        if "no such key" in str(error):
            return None
        raise
    added = int(about["entries-added"])
    groups = [await _group(client, stream, row, added) for row in await client.xinfo_groups(stream)]
    last_id = about["last-generated-id"].decode()
    return StreamInfo(stream, int(about["length"]), added, last_id, tuple(groups))


async def _group(client: Redis, stream: str, row: dict[str, Any], added: int) -> GroupInfo:
    name = row["name"].decode()
    service = keys.service_of(name)
    async with client.pipeline(transaction=True) as ask:
        ask.xinfo_consumers(stream, name)
        ask.xpending_range(stream, name, min="-", max="+", count=1)
        ask.hget(keys.base(service), stream)
        ask.hget(keys.consumed(service), stream)
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
