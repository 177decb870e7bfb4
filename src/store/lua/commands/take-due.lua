-- take-due: takes due groups from the reconciler index, so that only one process at a time handles a group.
-- KEYS: 1
-- ARGV: ms until the groups are due again unless their due time is changed, limit
-- Returns the ids of the due groups
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, ARGV[2])
for _, member in ipairs(due) do
  redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', now + tonumber(ARGV[1])), member)
end
return due
