-- suspension-propagated: stores that the groups below have followed the suspensions, unless there was another suspend or resume since.
-- KEYS: 10
-- ARGV: proc, lease, epoch of suspensions that they have followed
-- Returns 1 | 0
--- @include "group"
if not read_group() or (redis.call('HGET', G, field.suspensionEpoch) or '0') ~= ARGV[3] then return 0 end
unflag('W')
write_group()
return 1
