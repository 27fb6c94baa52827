"""Scripts that let go of what nobody needs: old entries, idle consumers, a backlog.

Each asks once more, inside the server, what its caller was told a moment ago: between question and
deed somebody may have opened a group, taken an entry, or come back.
"""

from quantum_trader.adapters.bus.scripts import IDS, KINDS, Script

_NEEDED = """
-- The first entry that a group still needs; nil when it needs none of those that are there.
local function needed(key, name)
  local held = redis.call('XPENDING', key, name)
  if held[1] > 0 then return held[2] end
  for _, row in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    if row[2] == name then
      for i = 1, #row, 2 do
        if row[i] == 'last-delivered-id' then
          local next = redis.call('XRANGE', key, '(' .. row[i + 1], '+', 'COUNT', 1)[1]
          return next and next[1]
        end
      end
    end
  end
end
"""

TRIM = Script(
    KINDS
    + IDS
    + _NEEDED
    + """
-- KEYS: stream.  ARGV: before
local wrong = check(KEYS[1], 'stream')
if wrong then return {'refused', wrong} end
if redis.call('EXISTS', KEYS[1]) == 0 then return {'trimmed', '0'} end
local before = ARGV[1]
for _, row in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local first = needed(KEYS[1], row[2])
  if first and after(before, first) then before = first end
end
return {'trimmed', tostring(redis.call('XTRIM', KEYS[1], 'MINID', '=', before))}
"""
)

DROP = Script(
    KINDS
    + """
-- KEYS: stream.  ARGV: group, consumer, how long it must have been idle
local wrong = check(KEYS[1], 'stream')
if wrong then return {'refused', wrong} end
if redis.call('EXISTS', KEYS[1]) == 0 then return {'kept'} end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  if group[2] == ARGV[1] then
    for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
      local told = {}
      for i = 1, #row, 2 do told[row[i]] = row[i + 1] end
      if told.name == ARGV[2] and told.pending == 0 and told.idle >= tonumber(ARGV[3]) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
        return {'dropped'}
      end
    end
  end
end
return {'kept'}
"""
)

SKIP = Script(
    KINDS
    + IDS
    + """
-- KEYS: stream, consumed, stream of the audit.  ARGV: group, name of a group that is not ours,
--   to, and to skip what was seen: count, first, last, then field, value, ... of the audit
local wrong = check(KEYS[1], 'stream') or check(KEYS[2], 'hash') or check(KEYS[3], 'stream')
if wrong then return {'refused', wrong} end
local delivered = {}
for _, group in ipairs(redis.call('EXISTS', KEYS[1]) == 1 and
    redis.call('XINFO', 'GROUPS', KEYS[1]) or {}) do
  for i = 1, #group, 2 do
    if group[i] == 'last-delivered-id' then delivered[group[2]] = group[i + 1] end
  end
end
local name = delivered[ARGV[1]] and ARGV[1] or ARGV[2]
local last, to = delivered[name], ARGV[3]
if not last then return {'no group'} end
local held, waiting = {}, {}
local from = '-'
repeat
  local page = redis.call('XPENDING', KEYS[1], name, from, to, 1000)
  for _, row in ipairs(page) do held[#held + 1] = row[1] end
  from = #page > 0 and '(' .. page[#page][1]
until #page < 1000
from = '(' .. last
repeat
  local page = after(to, last) and
    redis.call('XRANGE', KEYS[1], from, to, 'COUNT', 1000) or {}
  for _, row in ipairs(page) do waiting[#waiting + 1] = row[1] end
  from = #page > 0 and '(' .. page[#page][1]
until #page < 1000
local count = #held + #waiting
local first = held[1] or waiting[1] or ''
local final = waiting[#waiting] or held[#held] or ''
local seen = {tostring(count), first, final}
if #ARGV == 3 then return {'seen', unpack(seen)} end
if count == 0 or seen[1] ~= ARGV[4] or first ~= ARGV[5] or final ~= ARGV[6] then
  return {'changed'}
end
redis.call('XADD', KEYS[3], '*', unpack(ARGV, 7))
for i = 1, #held do redis.call('XACK', KEYS[1], name, held[i]) end
if #waiting > 0 then redis.call('XGROUP', 'SETID', KEYS[1], name, final) end
redis.call('HINCRBY', KEYS[2], KEYS[1], count)
return {'skipped'}
"""
)
