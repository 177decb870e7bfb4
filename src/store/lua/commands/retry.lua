-- retry: makes the items of an ended group ready again that failed, were cancelled or never started. A large group takes several calls.
-- KEYS: 10
-- ARGV: proc, lease, caller (user | parent | more: continues a retry), round of the parent in which it is retried ('' for the other callers), open for new items (0|1), the groups above it as JSON ('' to keep them)
-- Returns {'continue'|'retried'|'nested'|'unfinished'|'none'|'missing', state, grants, callbacks, closing, withdrawn, number of items, round of its parent}; 'continue': call it again
--- @include "readiness"
if not read_group() then return { 'missing' } end
local user = ARGV[3] == 'user'
local round = tonumber(redis.call('HGET', G, field.parentRound) or '0')
if not has('R') then
  -- Another process has completed the preparation.
  if ARGV[3] == 'more' then return reply('retried') end
  if user and group.parentId and not is_filled_by_body() then return reply('nested') end
  if not ended() then return reply('unfinished') end
  -- The parent repeats its request in the same round, or in an older one.
  if not user and round >= tonumber(ARGV[4]) then return reply('none') end
  -- A retry by a user has a round of its own, in which a root waits for its children.
  round = user and round + 1 or ARGV[4]
  if not user then redis.call('HSET', G, field.parentRound, round) end
  -- All items have succeeded, so there is nothing to retry, and the parent would receive no new end.
  if group.total == group.succeeded and ARGV[5] == '0' and (user or group.status == 'succeeded') then return reply('none') end
  redis.call('HDEL', G, field.expiresAt, field.endedAt, field.cancelledBy)
  redis.call('DEL', Q)
  if ARGV[6] ~= '' then redis.call('HSET', G, field.above, ARGV[6]) end
  redis.call('HSET', G, field.retryCursor, 0, field.retryEnds, redis.call('LLEN', E), field.retryCount, int(group.total - group.succeeded))
  redis.call('HSET', G, field.parentRound, round)
  persist(all_keys())
  put(field.deadline, deadline_after(now))
  put(field.startedAt, now)
  put(field.progressAt, now)
  move_to('running')
  if ARGV[5] == '1' then put(field.closed, 0) end
  put(field.nested, math.max(group.nested, tonumber(redis.call('HGET', G, field.hadNested) or '0')))
  for name, value in pairs({
    [field.failed] = 0,
    [field.cancelled] = 0,
    [field.ready] = group.total,
    [field.sweptTo] = group.total,
    [field.readyAhead] = 0,
    [field.released] = 0,
    [field.retainChildren] = group.nested,
    [field.round] = group.round + 1,
  }) do put(name, value) end
  flag('R')
  write_group()
  -- The caller first has to keep everything that the group refers to from expiring.
  local answer = reply('continue')
  answer[7], answer[8] = int(group.total - group.succeeded), round
  return answer
end
local cursor, left, items = unpack(redis.call('HMGET', G, field.retryCursor, field.retryEnds, field.retryCount))
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
if cursor < group.total or left > 0 then
  redis.call('HSET', G, field.retryCursor, cursor, field.retryEnds, left)
  write_group()
  answer = reply('continue')
else
  unflag('R')
  -- Items that were added and made ready since then stay behind the retried ones.
  if group.sweptTo > 0 then redis.call('LPUSH', Q, '0-' .. int(group.sweptTo - 1)) end
  answer = conclude('retried')
end
answer[7], answer[8] = items, round
return answer
