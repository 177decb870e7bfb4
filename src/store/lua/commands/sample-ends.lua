-- sample-ends: reads some positions of the log of ends, at equal distances, with the first and the last. Changes nothing.
-- KEYS: 10
-- ARGV: proc, lease, number of positions, at least 2
-- Returns {number of items in the log, position counted from 1, index of the item that ended there, ...}
--- @include "group"
if not read_group() then return { 0 } end
local total = redis.call('LLEN', E)
local reply = { int(total) }
local points = math.min(tonumber(ARGV[3]), total)
-- One read of a short log costs less than one for each position.
local log = total <= 2000 and redis.call('LRANGE', E, 0, -1)
for point = 0, points - 1 do
  local at = points == 1 and 0 or math.floor(point * (total - 1) / (points - 1))
  reply[#reply + 1] = int(at + 1)
  reply[#reply + 1] = log and log[at + 1] or redis.call('LINDEX', E, at)
end
return reply
