-- parent-notified: stores that the parent of a group was notified of its end.
-- KEYS: 10
-- ARGV: proc, lease
-- Returns {'noticed'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "ends"
if not read_group() then return { 'missing' } end
redis.call('HDEL', A, 'p')
redis.call('ZREM', L, 'p')
expire_group()
write_group()
return reply('noticed')
