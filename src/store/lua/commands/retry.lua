-- retry: makes the items of an ended group ready again that failed, were cancelled or never started. A large group takes several calls.
-- KEYS: 10
-- ARGV: proc, lease, caller (user | parent | more: continues a retry), round of the parent in which it is retried ('' for the other callers), open for new items (0|1), the groups above it as JSON ('' to keep them), name of the caller's lease, under which retry-some then makes only chosen items ready ('' to retry all), round of the group in which they were chosen ('' unless a user begins such a retry), message of the group as JSON ('' to keep it)
-- Returns {'continue'|'retried'|'nested'|'unfinished'|'none'|'missing', state, grants, callbacks, closing, withdrawn, number of items, round of its parent} | {'leased' (another call is choosing items) | 'changed' (the items were chosen in an earlier round), state, ...}; 'continue': call it again
--- @include "retrying"
if not read_group() then return { 'missing' } end
local user, choosing = ARGV[3] == 'user', ARGV[7] ~= ''
local round = tonumber(redis.call('HGET', G, field.parentRound) or '0')
if not has('R') then
  -- Another process has completed the preparation.
  if ARGV[3] == 'more' then return reply('retried') end
  if user and group.parentId and not is_filled_by_body() then return reply('nested') end
  if not ended() then return reply('unfinished') end
  -- The parent repeats its request in the same round, or in an older one.
  if not user and round >= tonumber(ARGV[4]) then return reply('none') end
  if choosing and group.round ~= tonumber(ARGV[8]) then return reply('changed') end
  -- A retry by a user has a round of its own, in which a root waits for its children.
  round = user and round + 1 or ARGV[4]
  if not user then redis.call('HSET', G, field.parentRound, round) end
  -- All items have succeeded, so there is nothing to retry, and the parent would receive no new end.
  if group.total == group.succeeded and ARGV[5] == '0' and (user or group.status == 'succeeded') then return reply('none') end
  local number = choosing and 0 or int(group.total - group.succeeded)
  redis.call('HDEL', G, field.expiresAt, field.endedAt, field.cancelledBy)
  redis.call('DEL', Q)
  if ARGV[6] ~= '' then redis.call('HSET', G, field.above, ARGV[6]) end
  redis.call('HSET', G, field.retryCursor, 0, field.retryEnds, redis.call('LLEN', E), field.retryCount, number)
  redis.call('HSET', G, field.parentRound, round)
  if ARGV[9] ~= '' then
    redis.call('HSET', G, field.message, ARGV[9])
    add(field.messageSet, 1)
  end
  persist(all_keys())
  put(field.deadline, deadline_after(now))
  put(field.startedAt, now)
  put(field.progressAt, now)
  unflag('C')
  if choosing then
    put(field.leasedTo, ARGV[7])
    extend_lease()
    if group.status ~= 'succeeded' then flag('C') end
  elseif group.leasedTo and not (ARGV[5] == '1' and group.leasedUntil == 0) then
    -- The body of a root that runs again keeps its lease on a swarm that it goes on filling.
    end_lease()
  end
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
  if group.failuresKept > 0 then put(field.failuresKept, 0) end
  flag('R')
  write_group()
  -- The caller first has to keep everything that the group refers to from expiring.
  local answer = reply('continue')
  answer[7], answer[8] = number, round
  return answer
end
if group.leasedTo ~= ARGV[7] and (lease_left() or 0) > 0 then return reply('leased') end
-- Only retry-some prepares what the caller has chosen.
if user and choosing then return reply('unfinished') end
local cursor, left, items = unpack(redis.call('HMGET', G, field.retryCursor, field.retryEnds, field.retryCount))
cursor, left = tonumber(cursor), tonumber(left)
if cursor < group.total then cursor = is_choosing() and prepare_chosen(cursor, items_at_once, '') or prepare_all(cursor) end
if cursor >= group.total then
  -- Each call moves a part of the log of ends from its head to its tail, without the items that will end again.
  local oldest = left > 0 and redis.call('LPOP', E, math.min(left, 1000)) or {}
  for _, entry in ipairs(oldest) do
    if redis.call('GETRANGE', B, entry, entry) ~= 'q' then redis.call('RPUSH', E, entry) end
  end
  left = left - #oldest
end
local answer
if cursor < group.total or left > 0 then
  redis.call('HSET', G, field.retryCursor, int(cursor), field.retryEnds, left)
  if group.leasedTo == ARGV[7] then extend_lease() end
  write_group()
  answer = reply('continue')
else
  unflag('R')
  if is_choosing() then
    put(field.failuresKept, group.failed)
    if group.cancelled == 0 then unflag('C') end
    if has('C') and group.status == 'running' then redis.call('HSET', G, field.cancelledBy, 'left') end
    end_lease()
  end
  -- Items that were added and made ready since then stay behind the retried ones.
  if group.sweptTo > 0 then redis.call('LPUSH', Q, '0-' .. int(group.sweptTo - 1)) end
  answer = conclude('retried')
end
answer[7], answer[8] = items, round
return answer
