-- close: closes a group to further items. If it has started, its remaining items become ready.
-- KEYS: 10
-- ARGV: proc, lease, round of the parent to which the call applies ('' for any)
-- Returns {'closed'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
local other_round = ARGV[3] ~= '' and ARGV[3] ~= (redis.call('HGET', G, field.parentRound) or '0')
-- A group that was closed by its number of items has made no item ready by that.
local is_to_sweep = group.status == 'running' and group.sweptTo < group.total and is_full()
if (group.closed == 1 and not is_to_sweep) or other_round then return reply('closed') end
put(field.closed, 1)
if group.status == 'running' then sweep() end
return conclude('closed')
