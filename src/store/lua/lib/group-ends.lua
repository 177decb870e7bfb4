-- group-ends: ends a group, and sets how long it is kept from then on.
--- @include "grants"
-- Sets the expiry of an ended group. A nested group is deleted together with its parent. If groups are below this one, the reconciler
-- makes it expire after them.
local function expire_group()
  write_entries()
  if not ended() or has('K') or redis.call('HLEN', A) > 0 then return end
  if group.parentId and group.released == 0 then return end
  put(field.expiresAt, int(now + group.retention))
  if group.nested > 0 then return end
  -- The keys Q, A and L are deleted or empty by now.
  let_expire({ G, S, B, C, E, R, T }, group.retention + group.grace)
  expiring = 1
end

-- Returns a line end and the outputs as a JSON list for a small swarm that succeeded, and '' for every other group. A waiting process then
-- need not read them.
local function small_list()
  if not gives_list() or group.status ~= 'succeeded' or group.keepResults == '0' or group.total > 100 or group.resultBytes > 4096 then return '' end
  local indexes, list = {}, {}
  for i = 1, group.total do indexes[i] = i - 1 end
  for _, result in ipairs(group.total > 0 and redis.call('HMGET', R, unpack(indexes)) or {}) do
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
  put(field.closed, 1)
  put(field.endedAt, int(now))
  local list, starter = unpack(redis.call('HMGET', G, outcome == 'succeeded' and field.successCallbacks or field.errorCallbacks, field.endChannel))
  if not is_single() and with_callbacks then
    supersede('g')
    if list then fire(decode_list(list), outcome == 'succeeded' and 'success' or 'error', 'g') end
  end
  notify_parent()
  redis.call('UNLINK', Q)
  redis.call('PUBLISH', G, 'end')
  -- The process that started the group waits on this channel, without a subscription for each group.
  if starter then redis.call('PUBLISH', starter, group.status .. ' ' .. int(group.total) .. ' ' .. G .. small_list()) end
end

-- Closes an open swarm in which nothing was added and nothing was under way for `closeAfterIdleMs`. An item that was never run keeps it
-- open.
local function close_if_idle()
  if group.closeAfterIdleMs == 0 and not group.pacing then return end
  local ended_items = group.succeeded + group.failed + group.cancelled
  local is_idle = group.closeAfterIdleMs > 0 and group.closed == 0 and group.status == 'running' and group.messageSet > 0 and group.running == 0 and ended_items == group.total and not has('S') and not has('R') and read_pace().paused_until <= now
  if not is_idle then
    if read_pace().idle_since > 0 then pace.idle_since, pace_changed = 0, true end
  elseif read_pace().idle_since == 0 then
    pace.idle_since, pace_changed = now, true
  elseif now >= close_time() then
    pace.idle_since, pace_changed = 0, true
    put(field.closed, 1)
  end
end

local function is_limit_reached()
  local ratio, finished = tonumber(group.stopAfterFailureRatio), group.succeeded + group.failed
  local is_number_reached = group.stopAfterNFailures > 0 and group.failed >= group.stopAfterNFailures
  return group.failed > 0 and (is_number_reached or ratio and finished >= 20 and group.failed / finished >= ratio)
end

-- Returns the outcome of a group whose items have all ended, and which was neither stopped nor cancelled in this round.
local function outcome_of_all()
  if group.failuresKept > 0 and is_limit_reached() then return 'failed' end
  return has('C') and 'cancelled' or 'succeeded'
end

local function end_group_if_done()
  if group.running > 0 or ended() or group.status == 'pending' or has('S') or has('R') then return end
  -- The body of a root may go on adding to a stopped group. Its new items are cancelled at once.
  if is_filled_by_body() and group.closed == 0 then return end
  if group.status == 'running' and not (group.closed == 1 and group.succeeded + group.failed + group.cancelled == group.total) then return end
  local why = group.status == 'cancelling' and redis.call('HGET', G, field.cancelledBy)
  local fails = group.status == 'stopping' or why == 'timeout' or why == 'failures'
  local outcome = group.status == 'running' and outcome_of_all() or fails and 'failed' or 'cancelled'
  if is_single() then outcome = group.failed > 0 and 'failed' or group.cancelled > 0 and 'cancelled' or 'succeeded' end
  end_group(outcome, true)
end
