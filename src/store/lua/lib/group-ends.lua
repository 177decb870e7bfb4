-- group-ends: ends a group, and sets how long it is kept from then on.
--- @include "grants"
-- Sets the expiry of an ended group. A nested group is deleted together with its parent. If groups are below this one, the reconciler
-- makes it expire after them.
local function expire_group()
  write_entries()
  if not ended() or has('K') or redis.call('HLEN', A) > 0 then return end
  if g.pg and g.rel == 0 then return end
  put('rt', int(now + g.ret))
  if g.nch > 0 then return end
  -- The keys Q, A and L are deleted or empty by now.
  for _, i in ipairs({ 1, 2, 3, 7, 8, 9 }) do redis.call('PEXPIRE', KEYS[i], int(g.ret + g.grace)) end
  expiring = 1
end

-- Returns the outputs of a small group as a JSON list, so that a waiting process need not read them.
local function small_list()
  if g.k ~= 'swarm' or g.st ~= 'succeeded' or g.kr == '0' or g.tot > 100 or g.rb > 4096 then return '' end
  local indexes, list = {}, {}
  for i = 1, g.tot do indexes[i] = i - 1 end
  for _, result in ipairs(g.tot > 0 and redis.call('HMGET', R, unpack(indexes)) or {}) do
    -- An output that begins with '@' only refers to a list.
    if result and string.sub(result, 1, 2) == 's@' then return '' end
    if result and string.sub(result, 1, 1) == 's' then list[#list + 1] = result == 's' and 'null' or string.sub(result, 2) end
  end
  return '\n[' .. table.concat(list, ',') .. ']'
end

local function end_group(outcome, with_callbacks)
  move_to(outcome)
  unflag('S')
  unflag('P')
  put('cl', 1)
  put('en', int(now))
  local list, starter = unpack(redis.call('HMGET', G, outcome == 'succeeded' and 'cs' or 'ce', 'hd'))
  if g.k ~= 'task' and with_callbacks then
    supersede('g')
    if list then fire(decode_list(list), outcome == 'succeeded' and 'success' or 'error', 'g') end
  end
  notify_parent()
  redis.call('UNLINK', Q)
  redis.call('PUBLISH', G, 'end')
  -- The process that started the group waits on this channel, without a subscription for each group.
  if starter then redis.call('PUBLISH', starter, g.st .. ' ' .. int(g.tot) .. ' ' .. G .. small_list()) end
end

local function end_group_if_done()
  if g.sl > 0 or ended() or g.st == 'pending' or has('S') or has('R') then return end
  -- The body of a root may go on adding to a stopped group. Its new items are cancelled at once.
  if g.k == 'root' and g.cl == 0 then return end
  if g.st == 'running' and not (g.cl == 1 and g.ok + g.ko + g.cx == g.tot) then return end
  local why = g.st == 'cancelling' and redis.call('HGET', G, 'why')
  local fails = g.st == 'stopping' or why == 'timeout' or why == 'failures'
  local outcome = g.st == 'running' and 'succeeded' or fails and 'failed' or 'cancelled'
  if g.k == 'task' then outcome = g.ko > 0 and 'failed' or g.cx > 0 and 'cancelled' or 'succeeded' end
  end_group(outcome, true)
end
