-- lengthen: makes a key live for at least so long. It never shortens the life of a key.
-- KEYS: 1
-- ARGV: ms
-- Returns nothing
local left = redis.call('PTTL', KEYS[1])
if left == -1 or left < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
