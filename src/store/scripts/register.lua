-- register: enters a group into an upkeep index before it holds anything that upkeep has to look after.
-- KEYS: 1
-- ARGV: group id, ms until it is due at the latest
-- Returns 1 when it was not in the index; one that would have been due later is due then
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZADD', KEYS[1], 'LT', string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
