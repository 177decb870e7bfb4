-- start: claims entries for executions before their bodies run, for one or more executions of a group.
-- All executions of one call have their results in the same bucket.
-- KEYS: 10
-- ARGV: proc, lease, then for each execution its entry|token|run id|retry count|invocation count|nonce|run id proven to have ended without a result ('' for none)|the group of its children when it is a root ('' for none)|whether a suspended run is taken back instead of waiting (0|1)|version of the group's message that its process knows ('0' for none, '' when it does not need the message)
-- Returns {'claimed', executions} | {'unknown'}
--   | {'claimed', executions, the message of the group, its version (both '' unless the group has a message and an execution needs it and does not have it), ms after which the caller has to call `grant`, and that time ('' when it does not have to)}
-- executions: for each, when its body may run, the number of failures in the group and the number of the attempt, as 'failures|attempt', else {'stored', mark and payload, whether this run is void (0|1)} | {'duplicate', owner} | {'superseded'} | {'unknown'} | {'cancelled'}
--   | {'requeued'} (the run was taken back because of a suspension; the entry is published again after resume; the caller grants its slot to the next item) | {'suspended'} (this run continues after resume)
--- @include "suspension"
--- @include "times"
if not read_group() then return { 'unknown' } end
local secret = redis.call('HGET', G, field.secret)
local failures = int(group.failed) .. '|'

local function give_back(entry, act, run)
  act.run = run
  take_back(entry, act)
  return { 'requeued' }
end

local function claim(entry, token, run, retry, inv, nonce, dead_owner, child, hand_back)
  if string.sub(redis.sha1hex(secret .. entry), 1, 20) ~= token then return { 'unknown' } end
  local act = read_active(entry)
  local state = state_of(entry, act)
  if not act then
    if state == 'unknown' then return { 'unknown' } end
    if state == 'waiting' or state == 'queued' then
      -- A lost or withdrawn run appears after its group has stopped. It is cancelled, as the items that never started are.
      if group.status ~= 'running' then return { 'cancelled' } end
      if not is_void(entry, run) then make_void(entry, run) end
      return { 'requeued' }
    end
    local result = is_callback(entry) and redis.call('HGET', C, callback_field.callbackResult .. entry) or redis.call('HGET', R, entry)
    return { 'stored', result or marks[state], is_void(entry, run) and 1 or 0 }
  end
  if state == 'returned' then return { 'stored', redis.call('HGET', C, callback_field.bodyResult .. entry) } end
  -- The entry or its group was cancelled before the run reached a worker.
  if act.cancel == '1' or (group.status == 'cancelling' and not is_callback(entry)) then return { 'cancelled' } end
  if is_void(entry, run) then return { 'requeued' } end
  if can_take_back(entry, act) then return give_back(entry, act, run) end
  if state == 'running' then
    if act.run ~= run then
      if act.run ~= dead_owner then return { 'duplicate', act.run } end
    elseif tonumber(retry) < tonumber(act.retryCount) or (retry == act.retryCount and tonumber(inv) < tonumber(act.invocation)) then
      return { 'superseded' }
    end
    if tonumber(entry) and suspended(entry) then
      if hand_back ~= '1' then return { 'suspended' } end
      -- The next run of the entry has the attempts that are left.
      keep_attempts(entry, act)
      return give_back(entry, act, run)
    end
  end
  -- The run is accepted from granted as well as published, because it may start before its confirmation is stored.
  if act.run ~= run or state ~= 'running' then
    -- Spent attempts count only within the same round, because a retry starts with all attempts.
    local spent = has('V') and redis.call('HGET', C, callback_field.spentAttempts .. entry)
    local throws, attempts, began
    if spent then throws, attempts, began = string.match(spent, '^' .. int(group.round) .. ' (%d+) (%d+) (%d*)') end
    act.throws, act.counted = throws or '0', '-1'
    if attempts and act.startedAt == '' then act.attempts, act.startedAt = attempts, began end
  end
  if tonumber(entry) then
    spend_token(act)
    -- This attempt follows one that has thrown.
    if state == 'running' and act.run == run and tonumber(retry) > tonumber(act.retryCount) and tonumber(act.counted) >= tonumber(act.retryCount) then owe_token() end
  end
  -- A claim that is repeated, or a durable task that goes on after an eviction, is no new attempt.
  if act.run ~= run or state ~= 'running' or act.retryCount ~= retry then note_begin(act) end
  become(entry, act, 'running')
  act.run, act.retryCount, act.invocation, act.nonce, act.process = run, retry, inv, nonce, proc
  if child ~= '' then
    act.child = child
    note_child(entry, child)
  end
  write_active(entry, act, now + lease)
  return failures .. act.attempts
end

local claims, asked = {}, false
for i, request in ipairs(read_requests(3, #ARGV, 1, 10)) do
  claims[i] = claim(unpack(request, 1, 9))
  asked = asked or request[10] ~= '' and request[10] ~= message_version()
end
plan_after_begin()
write_group()
local tells = asked and group.messageSet > 0
if not tells and not wake_in then return { 'claimed', claims } end
local message = tells and redis.call('HGET', G, field.message) or ''
return { 'claimed', claims, message, tells and message_version() or '', wake_in or '' }
