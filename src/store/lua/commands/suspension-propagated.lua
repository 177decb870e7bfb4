-- suspension-propagated: the groups below have heard which of them are suspended, unless something was said since.
-- KEYS: 9
-- ARGV: proc, lease, how often something had been said when they heard it
-- Returns 1 | 0
--- @include "group"
if not read_group() or (redis.call('HGET', G, 'wv') or '0') ~= ARGV[3] then return 0 end
unflag('W')
write_group()
return 1
