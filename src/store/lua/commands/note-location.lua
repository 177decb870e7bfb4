-- note-location: a group remembers where its signatures are recorded, so that the records live as long as it does.
-- KEYS: 2
-- ARGV: names of the records
-- Returns 1 when the group exists
local left = redis.call('PTTL', KEYS[1])
if left == -2 then return 0 end
for _, name in ipairs(ARGV) do redis.call('HSET', KEYS[2], 'i:' .. name, 1) end
if left > 0 then redis.call('PEXPIRE', KEYS[2], left) end
return 1
