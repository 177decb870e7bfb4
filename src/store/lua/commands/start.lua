-- start: executions of runs claim their entries before their bodies run, one or some of a group.
-- Those of one call have their results in one bucket.
-- KEYS: 9
-- ARGV: proc, lease, then for each execution its entry|token|run id|retry count|invocation count|nonce|run id proven to have ended without a result ('' for none)|the group of its children when it is a root ('' for none)|whether it is taken back rather than let wait (0|1)|when the group was created whose message its process knows ('0' for none, '' when it doesn't ask for it)
-- Returns {'claimed', executions} | {'claimed', executions, the group's message, when it was created} when it has one and somebody asks who doesn't know it.
-- executions: for each the number of failures in the group when its body may run, else {'stored', mark and payload, whether this run counts no more (0|1)} | {'duplicate', owner} | {'superseded'} | {'unknown'} | {'cancelled'}
--   | {'requeued'} (it is suspended, and published again when it goes on; its slot is to be granted to the next) | {'suspended'} (this run goes on later)} | {'unknown'}
--- @include "suspension"
if not read_group() then return { 'unknown' } end
local secret = redis.call('HGET', G, 'sec')

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
      -- Its group stopped, and a run of it turns up that was lost or taken back: it is cancelled like the rest.
      if g.st ~= 'running' then return { 'cancelled' } end
      if not is_void(entry, run) then make_void(entry, run) end
      return { 'requeued' }
    end
    local result = is_callback(entry) and redis.call('HGET', C, 'r:' .. entry) or redis.call('HGET', R, entry)
    return { 'stored', result or marks[state], is_void(entry, run) and 1 or 0 }
  end
  if state == 'returned' then return { 'stored', redis.call('HGET', C, 'b:' .. entry) } end
  -- It, or its group, was cancelled while its run was on the way.
  if act.cancel == '1' or (g.st == 'cancelling' and not is_callback(entry)) then return { 'cancelled' } end
  if is_void(entry, run) then return { 'requeued' } end
  if can_take_back(entry, act) then return give_back(entry, act, run) end
  if state == 'running' then
    if act.run ~= run then
      if act.run ~= dead_owner then return { 'duplicate', act.run } end
    elseif tonumber(retry) < tonumber(act.retry) or (retry == act.retry and tonumber(inv) < tonumber(act.inv)) then
      return { 'superseded' }
    end
    if tonumber(entry) and suspended(entry) then
      if hand_back ~= '1' then return { 'suspended' } end
      -- Its next run goes on with the attempts that are left.
      redis.call('HSET', C, 't:' .. entry, int(g.rnd) .. ' ' .. act.throws)
      return give_back(entry, act, run)
    end
  end
  -- Published or not: its confirmation may have come before it.
  if act.run ~= run or state ~= 'running' then
    -- Those that were left to one that is tried again count no more.
    local spent = has('V') and redis.call('HGET', C, 't:' .. entry) or ''
    act.throws, act.counted = string.match(spent, '^' .. int(g.rnd) .. ' (%d+)') or '0', '-1'
  end
  become(entry, act, 'running')
  act.run, act.retry, act.inv, act.nonce, act.proc = run, retry, inv, nonce, proc
  if child ~= '' then
    act.child = child
    note_child(entry, child)
  end
  write_active(entry, act, now + lease)
  return int(g.ko)
end

local claims, asked = {}, false
for i, request in ipairs(read_requests(3, #ARGV, 1, 10)) do
  claims[i] = claim(unpack(request, 1, 9))
  asked = asked or request[10] ~= '' and request[10] ~= int(g.cr)
end
write_group()
if not asked or g.mv == 0 then return { 'claimed', claims } end
return { 'claimed', claims, redis.call('HGET', G, 'msg'), int(g.cr) }
