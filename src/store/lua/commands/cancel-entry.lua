-- cancel-entry: cancels one entry, so that it never starts. The caller has to cancel its run in the engine.
-- KEYS: 10
-- ARGV: proc, lease, entry
-- Returns {'cancelled'|'cancelling'|'ended'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
local entry = ARGV[3]
local act = read_active(entry)
local state = state_of(entry, act)
if state == 'unknown' then return { 'missing' } end
-- A task that was run by itself stands for its group, so the group has to start in order to end.
if is_single() and not ended() then
  unflag('S')
  start_group()
end
local startable = (state == 'waiting' or state == 'queued') and (group.status == 'pending' or group.status == 'running')
if suspended_alone(entry) then redis.call('HSET', C, callback_field.entrySuspension .. entry, '-' .. int(next_version(redis.call('HGET', C, callback_field.entrySuspension .. entry)))) end
if act and act.state ~= 'deferred' then
  act.cancel = '1'
  write_active(entry, act, now + lease)
  write_group()
  return reply('cancelling')
end
-- While a retry is prepared, items are not queued yet and count as ended.
if not act and (not startable or has('R')) then
  if not has('H') and not changed.flags then return reply('ended') end
  -- The entry ended while it was suspended, so its deferred callbacks are released.
  release_deferred()
  return conclude('ended')
end
if state == 'waiting' then
  -- The item counts as made ready, because all ended items do.
  add(field.ready, 1)
  add(field.readyAhead, 1)
end
end_entry(entry, act, 'cancelled', '')
return conclude('cancelled')
