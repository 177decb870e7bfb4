-- expire: sets the time to live of the keys of an ended group, after the groups below it were released.
-- KEYS: 10
-- ARGV: proc, lease
-- Returns 1 | 0
--- @include "group"
if not read_group() or not ended() or redis.call('HLEN', A) > 0 then return 0 end
let_expire(all_keys(), group.retention + group.grace)
redis.call('HSET', G, field.hadNested, int(group.nested))
put(field.nested, 0)
write_group()
return 1
