-- fail-publication: a process could not put together what it was granted; after so many publications the entry ends as failed.
-- KEYS: 9
-- ARGV: proc, lease, entry, how often an entry is published at most, payload
-- Returns {'retry'|'ended'|'refused'|'unknown', state, grants, callbacks, closing, withdrawn}
--- @include "ends"
if not read_group() then return { 'unknown' } end
local entry = ARGV[3]
local act = read_active(entry)
-- Another process has taken it over, or it has moved on.
if not act or act.state ~= 'granted' or act.proc ~= proc then return reply('refused') end
if tonumber(act.pubs) < tonumber(ARGV[4]) then
  act.pubs = int(tonumber(act.pubs) + 1)
  write_active(entry, act, now + lease)
  write_group()
  return reply('retry')
end
free_first()
end_entry(entry, act, 'failed', ARGV[5])
return conclude('ended')
