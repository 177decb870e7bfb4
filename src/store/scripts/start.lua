-- start: an execution of a run claims its entry before the body runs.
-- KEYS: 9
-- ARGV: proc, lease, entry, token, run id, retry count, invocation count, nonce, run id proven to have ended without a result ('' for none), the group of its children when it is a root ('' for none)
-- Returns {'run', number of failures in the group} | {'stored', mark and payload, whether this run counts no more (0|1)} | {'duplicate', owner} | {'superseded'} | {'unknown'} | {'cancelled'}
--   | {'held', status, grants, ...} (it is suspended, and published again when it goes on) | {'suspended'} (this run goes on later)
--- @include "grants"
if not read_group() then return { 'unknown' } end
local entry, run, retry, inv = ARGV[3], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
if string.sub(redis.sha1hex(redis.call('HGET', G, 'sec') .. entry), 1, 20) ~= ARGV[4] then return { 'unknown' } end
local act = read_active(entry)
local state = state_of(entry, act)
if not act then
  if state == 'unknown' then return { 'unknown' } end
  if state == 'waiting' or state == 'queued' then
    -- Its group stopped, and a run of it turns up that was lost or taken back: it is cancelled like the rest.
    if g.st ~= 'running' then return { 'cancelled' } end
    if not is_void(entry, run) then make_void(entry, run) end
    write_group()
    return reply('held')
  end
  local result = is_callback(entry) and redis.call('HGET', C, 'r:' .. entry) or redis.call('HGET', R, entry)
  return { 'stored', result or marks[state], is_void(entry, run) and 1 or 0 }
end
if state == 'returned' then return { 'stored', redis.call('HGET', C, 'b:' .. entry) } end
-- It, or its group, was cancelled while its run was on the way.
if act.cancel == '1' or (g.st == 'cancelling' and not is_callback(entry)) then return { 'cancelled' } end
if is_void(entry, run) then return reply('held') end
if can_take_back(entry, act) then
  act.run = run
  take_back(entry, act)
  take_slots()
  write_group()
  return reply('held')
end
if state == 'running' then
  if act.run ~= run then
    if act.run ~= ARGV[9] then return { 'duplicate', act.run } end
  elseif retry < tonumber(act.retry) or (retry == tonumber(act.retry) and inv < tonumber(act.inv)) then
    return { 'superseded' }
  end
  if tonumber(entry) and suspended(entry) then return { 'suspended' } end
end
if act.run ~= run then
  act.throws, act.counted = '0', '-1'
end
become(entry, act, 'running')
act.run, act.retry, act.inv, act.nonce, act.proc = run, ARGV[6], ARGV[7], ARGV[8], proc
if ARGV[10] ~= '' then
  act.child = ARGV[10]
  note_child(entry, act.child)
  write_group()
end
write_active(entry, act, now + lease)
return { 'run', int(g.ko) }
