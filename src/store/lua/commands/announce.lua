-- announce: stores which task names a process serves, for a limited time. The process has to announce them again before it is over.
-- KEYS: 1
-- ARGV: ms for which the names count as served, ms for which the list is kept, then for each name: the name, how it is served, and how long its runs may wait for a worker ('' when its declaration sets nothing)
-- Returns nothing
local time = redis.call('TIME')
local till = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1])
for i = 3, #ARGV, 3 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ' ' .. till .. ' ' .. ARGV[i + 2]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
