-- watch: makes the ends of items be published for a limited time, because a process waits for some of them.
-- KEYS: 1
-- ARGV: that time in ms
-- Returns 1 when the group exists
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], field.watchUntil, string.format('%.0f', now + tonumber(ARGV[1])))
return 1
