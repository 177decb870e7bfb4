-- cancel-entry: one entry never starts; what runs of it is for the caller to cancel in the engine.
-- KEYS: 9
-- ARGV: proc, lease, entry
-- Returns {'cancelled'|'cancelling'|'ended'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
local entry = ARGV[3]
local act = read_active(entry)
local state = state_of(entry, act)
if state == 'unknown' then return { 'missing' } end
-- A task that runs by itself is its group.
if g.k == 'task' and not ended() then
  unflag('S')
  start_group()
end
local startable = (state == 'waiting' or state == 'queued') and (g.st == 'pending' or g.st == 'running')
if suspended_alone(entry) then redis.call('HSET', C, 's:' .. entry, '-' .. int(next_version(redis.call('HGET', C, 's:' .. entry)))) end
if act and act.state ~= 'deferred' then
  act.cancel = '1'
  write_active(entry, act, now + lease)
  write_group()
  return reply('cancelling')
end
-- While a retry is being prepared, all of its items are still as they ended.
if not act and (not startable or has('R')) then
  if not has('H') and not changed.fl then return reply('ended') end
  -- It has ended while it was suspended: its deferred callbacks go on.
  release_deferred()
  return conclude('ended')
end
if state == 'waiting' then
  -- It counts as one that was made ready and has ended.
  add('rdy', 1)
  add('ird', 1)
end
end_entry(entry, act, 'cancelled', '')
return conclude('cancelled')
