"""Leases in the stream server: who trades an account, by the server's own clock."""

from typing import Any

import msgspec

from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.connection import answers, connect
from quantum_trader.adapters.bus.namespace import PAPER, Namespace, names_of
from quantum_trader.adapters.bus.scripts import KINDS, Script
from quantum_trader.core.errors import StoreError
from quantum_trader.core.lease import Held, Holder

ANSWER_TIMEOUT_S = 2.0
"""A renewal that takes longer than this is asked for again; there is time for it."""

_HOLD = Script(
    KINDS
    + """
-- KEYS: lease, last.  ARGV: who, holder, milliseconds
local wrong = check(KEYS[1], 'hash') or check(KEYS[2], 'string')
if wrong then return {'refused', wrong} end
local who = redis.call('HGET', KEYS[1], 'who')
if not who then
  redis.call('HSET', KEYS[1], 'who', ARGV[1], 'before', redis.call('GET', KEYS[2]) or '')
  who = ARGV[1]
end
if who == ARGV[1] then
  redis.call('HSET', KEYS[1], 'holder', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('SET', KEYS[2], who)
end
local row = redis.call('HMGET', KEYS[1], 'holder', 'before')
return {'held', who, row[1] or '', row[2] or '', tostring(redis.call('PTTL', KEYS[1]))}
"""
)


class RedisLeases:
    """``ports.Leases`` over a server of version 7.0 or later, on a connection of its own."""

    def __init__(self, url: str, names: Namespace = PAPER) -> None:
        self._url = url
        self._names = names
        self._client = connect(url, answer_timeout_s=ANSWER_TIMEOUT_S)

    async def hold(self, name: str, who: str, holder: Holder, ttl_ms: int) -> Held:
        """Take or renew a lease that is free or ours; who has it now."""
        names = [self._names.outer(key) for key in (keys.lease(name), keys.last_holder(name))]
        note = msgspec.json.encode(holder)
        with answers(self._url):
            found = await _HOLD.run(self._client, names, [who, note, ttl_ms])
        if found[0] != b"held":
            raise StoreError(f"the lease of {name}: {found[1].decode()}")
        return _held(*found[1:5])

    async def owner(self, account: str) -> str:
        """Whose streams the server holds: this account's from now on, if nobody's so far."""
        with answers(self._url):
            before: Any = await self._client.set(keys.owner(), account, nx=True, get=True)
        return account if before is None else str(before.decode())

    async def look(self, name: str) -> Held | None:
        """Who has a lease, None for nobody."""
        key = self._names.outer(keys.lease(name))
        with answers(self._url):
            row: Any = await self._client.hgetall(key)
            left_ms = await self._client.pttl(key)
        if not row or left_ms < 0:
            return None
        return _held(row[b"who"], row[b"holder"], row[b"before"], str(left_ms).encode())

    async def close(self) -> None:
        """Let go of the connection. The lease stays until it is over."""
        await self._client.aclose()


async def names_at(url: str, unowned: Namespace) -> Namespace:
    """The names in use on a server, by whose it is; ``unowned`` where it is nobody's yet.

    Raises ``BusUnreachable``, and ``ValueError`` for an address that is none.
    """
    client = connect(url, answer_timeout_s=ANSWER_TIMEOUT_S)
    try:
        with answers(url):
            owner: Any = await client.get(keys.owner())
    finally:
        await client.aclose()
    return unowned if owner is None else names_of(owner.decode())


def _held(who: bytes, holder: bytes, before: bytes, left_ms: bytes) -> Held:
    return Held(
        who=who.decode(),
        holder=msgspec.json.decode(holder, type=Holder),
        left_ms=int(left_ms),
        before=before.decode() or None,
    )
