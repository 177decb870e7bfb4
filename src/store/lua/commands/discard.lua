-- discard: deletes a group that could not be built completely, unless it has another secret or another call has continued with it.
-- KEYS: 10
-- ARGV: proc, lease, secret of the group that was being built
-- Returns {'discarded'|'kept'|'missing'}
--- @include "group"
if not read_group() then return { 'missing' } end
local secret, joined = unpack(redis.call('HMGET', G, field.secret, field.joined))
local closed_by_others = group.buildCursor > 0 and group.closed == 1
local gone_on_with = joined or group.status ~= 'pending' or group.parentId or has('S') or has('E') or group.ready > 0 or closed_by_others
if secret ~= ARGV[3] or gone_on_with then return { 'kept' } end
-- A group has no results before it starts.
redis.call('UNLINK', G, S, B, Q, A, L, C, E, T)
return { 'discarded' }
