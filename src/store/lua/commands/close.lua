-- close: closes a group to further items. If it has started, its remaining items become ready.
-- KEYS: 10
-- ARGV: proc, lease, round of the parent to which the call applies ('' for any), name of the lease under which the caller has filled the group ('' for other callers), name of the lease under which the group was to be filled before this call ('' for none)
-- Returns {'closed'|'missing'|'lost' (another call fills the group)|'unfilled' (it was not filled completely, so the caller has to cancel it), state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
local other_round = ARGV[3] ~= '' and ARGV[3] ~= (redis.call('HGET', G, field.parentRound) or '0')
-- A group that was closed by its number of items has made no item ready by that.
local is_to_sweep = group.status == 'running' and group.sweptTo < group.total and is_full()
if (group.closed == 1 and not is_to_sweep) or other_round then return reply('closed') end
if group.closed == 0 then
  if ARGV[4] ~= '' and group.leasedTo ~= ARGV[4] then return reply('lost') end
  if ARGV[5] ~= '' and group.leasedTo == ARGV[5] then return reply('unfilled') end
end
put(field.closed, 1)
if group.status == 'running' then sweep() end
return conclude('closed')
