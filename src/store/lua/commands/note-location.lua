-- note-location: stores in a group which rows of the signature index belong to it, so that they live as long as the group.
-- KEYS: 2
-- ARGV: names of the rows
-- Returns 1 when the group exists
local left = redis.call('PTTL', KEYS[1])
if left == -2 then return 0 end
for _, name in ipairs(ARGV) do redis.call('HSET', KEYS[2], callback_field.location .. name, 1) end
if left > 0 then redis.call('PEXPIRE', KEYS[2], left) end
return 1
