-- retry: makes the items of an ended group ready again that failed, were cancelled or never started. A large group takes several calls.
-- KEYS: 9
-- ARGV: proc, lease, caller (user | parent | more: continues a retry), round of the parent in which it is retried ('' for the other callers), open for new items (0|1), the groups above it as JSON ('' to keep them)
-- Returns {'continue'|'retried'|'nested'|'unfinished'|'none'|'missing', state, grants, callbacks, closing, withdrawn, number of items, round of its parent}; 'continue': call it again
--- @include "readiness"
if not read_group() then return { 'missing' } end
local user = ARGV[3] == 'user'
local round = tonumber(redis.call('HGET', G, 'prd') or '0')
if not has('R') then
  -- Another process has completed the preparation.
  if ARGV[3] == 'more' then return reply('retried') end
  if user and g.pg and g.k ~= 'root' then return reply('nested') end
  if not ended() then return reply('unfinished') end
  -- The parent repeats its request in the same round, or in an older one.
  if not user and round >= tonumber(ARGV[4]) then return reply('none') end
  -- A retry by a user has a round of its own, in which a root waits for its children.
  round = user and round + 1 or ARGV[4]
  if not user then redis.call('HSET', G, 'prd', round) end
  -- All items have succeeded, so there is nothing to retry, and the parent would receive no new end.
  if g.tot == g.ok and ARGV[5] == '0' and (user or g.st == 'succeeded') then return reply('none') end
  redis.call('HDEL', G, 'rt', 'en', 'why')
  redis.call('DEL', Q)
  if ARGV[6] ~= '' then redis.call('HSET', G, 'ctx', ARGV[6]) end
  redis.call('HSET', G, 'rtc', 0, 'rtl', redis.call('LLEN', E), 'rtn', int(g.tot - g.ok))
  redis.call('HSET', G, 'prd', round)
  for i = 1, 9 do redis.call('PERSIST', KEYS[i]) end
  local limit = tonumber(redis.call('HGET', G, 'tmo') or '0')
  put('dl', limit > 0 and now + limit or 0)
  put('sa', now)
  put('pr', now)
  move_to('running')
  if ARGV[5] == '1' then put('cl', 0) end
  put('nch', math.max(g.nch, tonumber(redis.call('HGET', G, 'had') or '0')))
  for name, value in pairs({ ko = 0, cx = 0, rdy = g.tot, swp = g.tot, ird = 0, rel = 0, hold = g.nch, rnd = g.rnd + 1 }) do put(name, value) end
  flag('R')
  write_group()
  -- The caller first has to keep everything that the group refers to from expiring.
  local answer = reply('continue')
  answer[7], answer[8] = int(g.tot - g.ok), round
  return answer
end
local cursor, left, items = unpack(redis.call('HMGET', G, 'rtc', 'rtl', 'rtn'))
cursor, left = tonumber(cursor), tonumber(left)
local block = redis.call('GETRANGE', B, cursor, cursor + 9999)
local startable = string.gsub(block, '[fxh]', 'q')
if startable ~= block then mark_row(cursor, startable, 'queued', 'failed', 'cancelled') end
-- Each call moves a part of the log of ends from its head to its tail, without the items that will end again.
local oldest = left > 0 and redis.call('LPOP', E, math.min(left, 1000)) or {}
for _, entry in ipairs(oldest) do
  if redis.call('GETRANGE', B, entry, entry) == 's' then redis.call('RPUSH', E, entry) end
end
cursor, left = cursor + 10000, left - #oldest
local answer
if cursor < g.tot or left > 0 then
  redis.call('HSET', G, 'rtc', cursor, 'rtl', left)
  write_group()
  answer = reply('continue')
else
  unflag('R')
  -- Items that were added and made ready since then stay behind the retried ones.
  if g.swp > 0 then redis.call('LPUSH', Q, '0-' .. int(g.swp - 1)) end
  answer = conclude('retried')
end
answer[7], answer[8] = items, round
return answer
