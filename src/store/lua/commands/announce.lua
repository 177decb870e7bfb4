-- announce: names that a process serves count as served for a while, after which it has to announce them again.
-- KEYS: 1
-- ARGV: for how long in ms, ms for which the list is kept, then for each its name, how it is served, for how long its runs may wait for a worker ('' when its declaration doesn't say)
-- Returns nothing
local time = redis.call('TIME')
local till = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1])
for i = 3, #ARGV, 3 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ' ' .. till .. ' ' .. ARGV[i + 2]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
