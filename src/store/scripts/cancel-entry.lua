-- cancel-entry: one entry never starts; what runs of it is for the caller to cancel in the engine.
-- KEYS: 9
-- ARGV: proc, lease, entry
-- Returns {'cancelled'|'cancelling'|'ended'|'missing', status, grants, callbacks, more, message version, total, expiring, closing, children}
--- @include "readiness"
if not read_group() then return { 'missing' } end
local entry = ARGV[3]
local act = read_active(entry)
local state = state_of(entry, act)
if state == 'unknown' then return { 'missing' } end
local startable = (state == 'waiting' or state == 'queued') and (g.st == 'pending' or g.st == 'running')
if not act and not startable then return reply('ended') end
if act then
  act.cancel = '1'
  write_active(entry, act, now + lease)
  return reply('cancelling')
end
if state == 'waiting' then
  -- It counts as one that was made ready and has ended.
  add('rdy', 1)
  add('ird', 1)
end
end_entry(entry, nil, 'cancelled', '')
return done('cancelled')
