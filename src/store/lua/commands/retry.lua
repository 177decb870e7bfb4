-- retry: the items of an ended group that failed, were cancelled or never started become ready again. Many calls for a large one.
-- KEYS: 9
-- ARGV: proc, lease, who asks (user | parent | more: whoever goes on with what was begun), round of the parent in which it is tried again ('' for the others), open for new items (0|1), what it is below as JSON ('' as before)
-- Returns {'continue'|'retried'|'nested'|'unfinished'|'none'|'missing', state, grants, callbacks, closing, withdrawn, number of items, round of its parent}; 'continue': call it again
--- @include "readiness"
if not read_group() then return { 'missing' } end
local user = ARGV[3] == 'user'
local round = tonumber(redis.call('HGET', G, 'prd') or '0')
if not has('R') then
  -- Somebody else has completed it.
  if ARGV[3] == 'more' then return reply('retried') end
  if user and g.pg and g.k ~= 'root' then return reply('nested') end
  if not ended() then return reply('unfinished') end
  -- Its parent asks again after it has been tried in this round, or has nothing that it could hear anew.
  if not user and round >= tonumber(ARGV[4]) then return reply('none') end
  -- A root waits for its children in a round of its own.
  round = user and round + 1 or ARGV[4]
  if not user then redis.call('HSET', G, 'prd', round) end
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
  -- What it refers to has to be kept before anything else.
  local answer = reply('continue')
  answer[7], answer[8] = int(g.tot - g.ok), round
  return answer
end
local cursor, left, items = unpack(redis.call('HMGET', G, 'rtc', 'rtl', 'rtn'))
cursor, left = tonumber(cursor), tonumber(left)
local block = redis.call('GETRANGE', B, cursor, cursor + 9999)
local startable = string.gsub(block, '[fxh]', 'q')
if startable ~= block then mark_row(cursor, startable, 'queued', 'failed', 'cancelled') end
-- The log of ends turns round once, and leaves out what will end again.
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
  -- What was added since, and made ready, comes after them.
  if g.swp > 0 then redis.call('LPUSH', Q, '0-' .. int(g.swp - 1)) end
  answer = conclude('retried')
end
answer[7], answer[8] = items, round
return answer
