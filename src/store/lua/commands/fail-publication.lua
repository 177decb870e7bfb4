-- fail-publication: reports that a process could not publish a granted entry. After the maximum number of publications the entry ends as failed.
-- KEYS: 10
-- ARGV: proc, lease, entry, maximum number of publications of an entry, payload
-- Returns {'retry'|'ended'|'refused'|'unknown', state, grants, callbacks, closing, withdrawn}
--- @include "ends"
if not read_group() then return { 'unknown' } end
local entry = ARGV[3]
local act = read_active(entry)
-- Another process has taken the entry over, or its state has changed.
if not act or act.state ~= 'granted' or act.process ~= proc then return reply('refused') end
if tonumber(act.publications) < tonumber(ARGV[4]) then
  act.publications = int(tonumber(act.publications) + 1)
  write_active(entry, act, now + lease)
  write_group()
  return reply('retry')
end
allow_at_memory_limit()
end_entry(entry, act, 'failed', ARGV[5])
return conclude('ended')
