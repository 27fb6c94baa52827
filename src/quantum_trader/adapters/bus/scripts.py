"""Everything the bus must do in one step, as scripts that run inside the server.

A script is not rolled back when one of its commands fails. So each first asks whatever could
refuse a write, and only then writes; and its first write is one the server refuses when it is out
of memory or cannot save, so that it fails before anything changed.
"""

from collections.abc import Sequence
from hashlib import sha1

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from quantum_trader.adapters.bus.lines import Argument, Lines


class Script:
    """One Lua script, sent by its digest and in full only where the server has forgotten it."""

    def __init__(self, lua: str) -> None:
        self._lua = lua
        self._digest = sha1(lua.encode(), usedforsecurity=False).hexdigest()

    async def run(
        self, client: Redis | Lines, keys: Sequence[str], arguments: Sequence[Argument]
    ) -> list[bytes]:
        """Run it; the answer is a list of bytes. Redis errors pass through."""
        try:
            answer = await client.evalsha(self._digest, len(keys), *keys, *arguments)
        except NoScriptError:
            answer = await client.eval(self._lua, len(keys), *keys, *arguments)
        return list(answer)


KINDS = """
local function check(key, wanted)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= wanted then
    return 'the key ' .. key .. ' holds a ' .. kind .. ' where a ' .. wanted .. ' belongs'
  end
end
-- Which keys a user may write is asked before a script begins, which commands only where they are.
local function denied(...)
  for _, command in ipairs({...}) do
    if not redis.acl_check_cmd(command, KEYS[1], '1-1', 'a', '1') then
      return 'its user may not run ' .. command .. ' (ACL SETUSER name ~* &* +@all lets it)'
    end
  end
end
local function about(key)
  local facts = {['entries-added'] = 0, length = 0, ['last-generated-id'] = '0-0'}
  if redis.call('EXISTS', key) == 1 then
    local row = redis.call('XINFO', 'STREAM', key)
    for i = 1, #row, 2 do facts[row[i]] = row[i + 1] end
  end
  return facts
end
"""

# Lua's numbers are floats and ids have 64 bits, so digits are compared as text.
IDS = """
local function digits(id)
  local first, second = id:match('^0*(%d+)%-0*(%d+)$')
  if first and #first < 20 and #second < 20 then return first, second end
end
local function larger(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end
local function after(id, last)
  -- Neighbours look alike, and then text is in the order of numbers.
  if #id == #last and id:find('-', 1, true) == last:find('-', 1, true) and
    id:find('^%d+%-%d+$') then
    return id > last
  end
  local a, b = digits(id)
  local c, d = digits(last)
  if not a then return false end
  if a == c then return larger(b, d) end
  return larger(a, c)
end
"""

APPEND = Script(
    KINDS
    + """
-- KEYS: stream, appended.  ARGV: writer, instance, number, then per entry: n, field, value, ...
local wrong = check(KEYS[1], 'stream') or denied('HSET')
if wrong then return {'refused', wrong} end
local seen = redis.call('HGET', KEYS[2], ARGV[1])
if seen then
  local instance, number = seen:match('^(.*):(%d+)$')
  if instance == ARGV[2] and tonumber(number) >= tonumber(ARGV[3]) then return {'already'} end
end
local i = 4
while i <= #ARGV do
  local n = tonumber(ARGV[i])
  redis.call('XADD', KEYS[1], '*', unpack(ARGV, i + 1, i + n))
  i = i + n + 1
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ':' .. ARGV[3])
return {'appended'}
"""
)

OPEN_GROUP = Script(
    KINDS
    + """
-- KEYS: stream, base, consumed.  ARGV: group, start
local wrong = check(KEYS[1], 'stream') or check(KEYS[2], 'hash') or check(KEYS[3], 'hash')
  or denied('HSET', 'HDEL')
if wrong then return {'refused', wrong} end
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, row in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    if row[2] == ARGV[1] then return {'already'} end
  end
end
local facts = about(KEYS[1])
local base = facts['entries-added']
if ARGV[2] == '0' then base = base - facts.length end
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
redis.call('HSET', KEYS[2], KEYS[1], base)
redis.call('HDEL', KEYS[3], KEYS[1])
return {'opened'}
"""
)

TAKE_LEASE = Script(
    KINDS
    + """
-- KEYS: epoch, inbox
local wrong = check(KEYS[1], 'string') or check(KEYS[2], 'stream')
if wrong then return {'refused', wrong} end
local used = tonumber(about(KEYS[2])['last-generated-id']:match('^%d+'))
local epoch = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), used) + 1
redis.call('SET', KEYS[1], string.format('%d', epoch))
return {'taken', string.format('%d', epoch)}
"""
)

COMMIT = Script(
    KINDS
    + IDS
    + """
-- KEYS: epoch, inbox, snapshot, consumed, streams of outputs, streams of acks, projections
-- ARGV: epoch, id, field, record, group, snapshot ('' = none), how many of the last three each;
--   per stream of outputs: n, then n times: id, m, field, value, ...
--   per stream of acks: n, id, ...
--   per projection: n, field, value, ..., m, field to delete, ...
local id = ARGV[2]
local lease = redis.call('GET', KEYS[1])
if lease ~= ARGV[1] then return {'fenced', lease or ''} end
local wrong = check(KEYS[2], 'stream') or check(KEYS[3], 'hash') or check(KEYS[4], 'hash')
  or denied('XACK', 'HINCRBY', 'HSET', 'HDEL')
if wrong then return {'refused', wrong} end
local last = about(KEYS[2])['last-generated-id']
if last == id then
  local row = redis.call('XRANGE', KEYS[2], id, id)[1]
  return {(row == nil or row[2][2] == ARGV[4]) and 'already' or 'another'}
end
if not after(id, last) then return {'not after', KEYS[2], id, last} end
if tonumber(id:match('%d+$')) ~= tonumber(last:match('%d+$')) + 1 then return {'behind', last} end

local outputs, acks = tonumber(ARGV[7]), tonumber(ARGV[8])
local i = 10
for k = 5, 4 + outputs do
  local key = KEYS[k]
  wrong = check(key, 'stream')
  if wrong then return {'refused', wrong} end
  local top = key == KEYS[2] and id or about(key)['last-generated-id']
  local entries = tonumber(ARGV[i])
  i = i + 1
  for _ = 1, entries do
    local entry = ARGV[i]
    if entry ~= '*' and (top == '*' or not after(entry, top)) then
      return {'not after', key, entry, top}
    end
    top = entry
    i = i + 2 + tonumber(ARGV[i + 1])
  end
end
for k = 5 + outputs, 4 + outputs + acks do
  wrong = check(KEYS[k], 'stream')
  if wrong then return {'refused', wrong} end
end
for k = 5 + outputs + acks, #KEYS do
  wrong = check(KEYS[k], 'hash')
  if wrong then return {'refused', wrong} end
end

-- Nothing below can be refused any more, except the first write.
local function each(from, count, write)
  for at = from, from + count - 1, 1000 do write(at, math.min(at + 999, from + count - 1)) end
end
redis.call('XADD', KEYS[2], id, ARGV[3], ARGV[4])
i = 10
for k = 5, 4 + outputs do
  local key, entries = KEYS[k], tonumber(ARGV[i])
  i = i + 1
  for _ = 1, entries do
    local n = tonumber(ARGV[i + 1])
    redis.call('XADD', key, ARGV[i], unpack(ARGV, i + 2, i + 1 + n))
    i = i + 2 + n
  end
end
for k = 5 + outputs, 4 + outputs + acks do
  local n, done = tonumber(ARGV[i]), 0
  each(i + 1, n, function(from, to)
    done = done + redis.call('XACK', KEYS[k], ARGV[5], unpack(ARGV, from, to))
  end)
  if done > 0 then redis.call('HINCRBY', KEYS[4], KEYS[k], done) end
  i = i + 1 + n
end
for k = 5 + outputs + acks, #KEYS do
  for _, command in ipairs({'HSET', 'HDEL'}) do
    local n = tonumber(ARGV[i])
    each(i + 1, n, function(from, to) redis.call(command, KEYS[k], unpack(ARGV, from, to)) end)
    i = i + 1 + n
  end
end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[3], 'blob', ARGV[6], 'at', id) end
return {'committed'}
"""
)

SAVED = Script(
    KINDS
    + """
-- KEYS: snapshot, inbox
local at = redis.call('HGET', KEYS[1], 'at')
if not at then return {about(KEYS[2])['last-generated-id'], '0-0'} end
return {about(KEYS[2])['last-generated-id'], at, redis.call('HGET', KEYS[1], 'blob')}
"""
)
