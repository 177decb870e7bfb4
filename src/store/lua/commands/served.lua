-- served: returns the task names that are or were served. Removes names that have not been announced for longer than the list is kept.
-- KEYS: 1
-- ARGV: ms for which the list is kept
-- Returns {for each name: the name, how it is served, the ms for which it still counts as served (negative: for how long it has not), how long its runs may wait for a worker or ''}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local all, list = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  local as, till, timeout = string.match(all[i + 1], '^(%a+) (%d+) (.*)$')
  local left = (tonumber(till) or 0) - now
  if not as or left < -tonumber(ARGV[1]) then
    redis.call('HDEL', KEYS[1], all[i])
  else
    local n = #list
    list[n + 1], list[n + 2], list[n + 3], list[n + 4] = all[i], as, string.format('%.0f', left), timeout
  end
end
return list
