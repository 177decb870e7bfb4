-- suspension: whether an entry is suspended, individually or with its group, and which of its runs are void.
--- @include "pacing"
local function suspended_alone(entry)
  if not has('E') then return false end
  local version = redis.call('HGET', C, callback_field.entrySuspension .. entry)
  -- A later suspend or resume of the whole group wins over an earlier one of the entry.
  return version and tonumber(version) > tonumber(redis.call('HGET', G, field.suspensionVersion) or '0')
end

local function suspended(entry)
  return has('S') or suspended_alone(entry)
end

-- Returns a version that is higher than the last one of this group or entry and, by the clock of Redis, than the earlier ones of the
-- groups above.
local function next_version(last)
  return math.max(time[1] * 1000000 + time[2], math.abs(tonumber(last or '0')) + 1)
end

local function is_void(entry, run)
  if not has('V') or run == '' then return false end
  local runs = redis.call('HGET', C, callback_field.voidRuns .. entry)
  return runs and string.find(' ' .. runs .. ' ', ' ' .. run .. ' ', 1, true) ~= nil
end

local function make_void(entry, run)
  local runs = redis.call('HGET', C, callback_field.voidRuns .. entry)
  redis.call('HSET', C, callback_field.voidRuns .. entry, runs and runs .. ' ' .. run or run)
  flag('V')
end

-- Returns whether an item is suspended and can be put back into the queue: its body has not begun, and it is no nested group.
local function can_take_back(entry, act)
  return tonumber(entry) and act.state ~= 'running' and is_allowed(act.state, 'queued') and string.sub(act.run, 1, 2) ~= 'g:' and suspended(entry)
end

-- Puts an item whose body has not begun back at the front of the queue. An item that is suspended individually is marked as passed over.
local function take_back(entry, act)
  if act.run ~= '' then make_void(entry, act.run) end
  if has('U') then redis.call('HDEL', C, callback_field.untakenSince .. entry) end
  return_token(act)
  remove_active(entry)
  add(field.running, -1)
  if not is_sequence() and suspended_alone(entry) then
    mark(entry, 'h', act.state, 'queued')
  else
    mark(entry, 'q', act.state, 'queued')
    redis.call('LPUSH', Q, entry)
  end
end

-- Keeps the attempts that an entry has used, for its next run. They count only within the same round, because a retry starts with all.
local function keep_attempts(entry, act)
  local spent = { int(group.round), act.throws, act.attempts, act.startedAt }
  redis.call('HSET', C, callback_field.spentAttempts .. entry, table.concat(spent, ' '))
end

-- Whether a group is abandoned: nothing runs in it, and nothing has happened in it for `retention.abandonedMs`.
local function idle()
  -- The body of a root is at work as long as the group of its children is open.
  if (is_filled_by_body() and group.closed == 0) or now - group.progressAt < group.abandonedAfter * 1.02 then return false end
  -- A start or a close is planned. The process that was to do it may be gone; the reconciler does it instead.
  if read_pace().next_start ~= 0 or pace.paused_until > now then return false end
  local active = redis.call('HLEN', A)
  return active == 0 or active == redis.call('ZCOUNT', L, 'inf', 'inf')
end
