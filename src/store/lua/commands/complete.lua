-- complete: ends an entry from outside its own run: the engine said how the run ended, or it can never be published.
-- KEYS: 9
-- ARGV: proc, lease, entry, expected run id ('' while granted; 'g:' and its id for a group), outcome (succeeded | failed | cancelled), payload, bytes that it stands for, round of this group in which a group that tells its end was run ('' for others)
-- Returns {'ended'|'refused'|'unknown', state, grants, callbacks, closing, withdrawn}
--- @include "ends"
if not read_group() then return { 'unknown' } end
local entry = ARGV[3]
local act = read_active(entry)
if not act or is_void(entry, ARGV[4]) then return reply('refused') end
free_first()
local child = string.sub(ARGV[4], 1, 2) == 'g:' and string.sub(ARGV[4], 3) or nil
-- What a group was in an earlier round counts no more; callbacks aren't tried again.
if child and tonumber(entry) and (tonumber(ARGV[8]) or g.rnd) ~= g.rnd then return reply('refused') end
if act.state == 'returned' or (child and child == act.child) then
  -- Only the end of its children ends a root whose body has returned.
  if act.state ~= 'returned' or child ~= act.child then return reply('refused') end
  act.run = ARGV[4]
elseif child then
  note_child(entry, child)
end
-- A run that is granted here may be known to the caller only: its confirmation can still be on the way.
if act.run ~= ARGV[4] and not (act.state == 'granted' and act.run == '') then return reply('refused') end
if not may(act.state, ARGV[5]) then return reply('refused') end
end_entry(entry, act, ARGV[5], ARGV[6], tonumber(ARGV[7]))
return conclude('ended')
