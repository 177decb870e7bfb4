-- expire: the groups below an ended one have been released: its own keys get their time to live.
-- KEYS: 9
-- ARGV: proc, lease
-- Returns 1 | 0
--- @include "group"
if not read_group() or not ended() or redis.call('HLEN', A) > 0 then return 0 end
for i = 1, 9 do redis.call('PEXPIRE', KEYS[i], int(g.ret + g.grace)) end
redis.call('HSET', G, 'had', int(g.nch))
put('nch', 0)
write_group()
return 1
