-- index-group: adds groups to the top-level index, by their creation time in microseconds, so that equal times are rare.
-- KEYS: 1
-- ARGV: for each group its id, and whether its entry is renewed if it exists already (0|1)
-- Returns nothing
local time = redis.call('TIME')
for i = 1, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], ARGV[i + 1] == '1' and 'CH' or 'NX', string.format('%.0f', time[1] * 1000000 + time[2] + i), ARGV[i])
end
