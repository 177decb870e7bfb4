-- index-group: notes in the catalog that groups exist, by the time of their creation in microseconds, so that hardly two are equal.
-- KEYS: 1
-- ARGV: for each its id, and whether it is new even if it stands there already (0|1)
-- Returns nothing
local time = redis.call('TIME')
for i = 1, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], ARGV[i + 1] == '1' and 'CH' or 'NX', string.format('%.0f', time[1] * 1000000 + time[2] + i), ARGV[i])
end
