-- complete: completes an entry from outside its own run: the engine reported the end of the run, a nested group ended, or the entry can never be published.
-- KEYS: 10
-- ARGV: proc, lease, entry, expected run id ('' while granted; 'g:' and its id for a group), outcome (succeeded | failed | cancelled | backed-off), payload (of backed-off: the same as for finish), bytes that the payload stands for, round of this group in which the nested group ran that reports its end ('' for other entries), whether it began in any case (0|1)
-- Returns {'ended'|'backed-off'|'refused'|'unknown', state, grants, callbacks, closing, withdrawn}
--- @include "back-off"
if not read_group() then return { 'unknown' } end
local entry = ARGV[3]
local act = read_active(entry)
if not act or is_void(entry, ARGV[4]) then return reply('refused') end
allow_at_memory_limit()
local child = string.sub(ARGV[4], 1, 2) == 'g:' and string.sub(ARGV[4], 3) or nil
-- The end of a nested group in an earlier round does not count. Callbacks have no rounds, because they are not retried.
if child and tonumber(entry) and (tonumber(ARGV[8]) or group.round) ~= group.round then return reply('refused') end
if act.state == 'returned' or (child and child == act.child) then
  -- A root whose body has returned is completed only by the end of its children.
  if act.state ~= 'returned' or child ~= act.child then return reply('refused') end
  act.run = ARGV[4]
elseif child then
  note_child(entry, child)
end
-- The entry may still be granted without a run id, because the confirmation of the run can arrive after its end.
if act.run ~= ARGV[4] and not (act.state == 'granted' and act.run == '') then return reply('refused') end
if ARGV[5] == 'backed-off' and act.state ~= 'granted' then return conclude(back_off(entry, act, ARGV[6])) end
if not is_allowed(act.state, ARGV[5]) then return reply('refused') end
-- A worker without mageflow does not report when a body began. A group begins when it is published, and may end before that is confirmed.
if ARGV[9] == '1' and act.attempts == '0' then
  if child then note_begin(act) else act.attempts = '1' end
end
end_entry(entry, act, ARGV[5], ARGV[6], tonumber(ARGV[7]))
return conclude('ended')
