-- register: adds groups to the reconciler index, each before the first write that the reconciler may have to complete. It never moves a due time back.
-- KEYS: 1
-- ARGV: for each group its id, and the ms until it is due at the latest
-- Returns nothing
local time = redis.call('TIME')
for i = 1, #ARGV, 2 do
  local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[i + 1]
  redis.call('ZADD', KEYS[1], 'LT', string.format('%.0f', due), ARGV[i])
end
