-- note-location: stores in a group which rows of the signature index belong to it, so that they live as long as the group.
-- KEYS: 2
-- ARGV: names of the rows
-- Returns for how long the group is kept at most without a renewal of its rows, in ms; 0 when it does not exist
local left = redis.call('PTTL', KEYS[1])
if left == -2 then return 0 end
for _, name in ipairs(ARGV) do redis.call('HSET', KEYS[2], callback_field.location .. name, 1) end
if left > 0 then redis.call('PEXPIRE', KEYS[2], left) end
local retention, abandoned = unpack(redis.call('HMGET', KEYS[1], field.retention, field.abandonedAfter))
return tonumber(retention or '0') + tonumber(abandoned or '0')
