-- watch: somebody waits for items of a group, so their ends are published for a while.
-- KEYS: 1
-- ARGV: ms
-- Returns 1 when the group exists
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'wch', string.format('%.0f', now + tonumber(ARGV[1])))
return 1
