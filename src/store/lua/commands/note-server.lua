-- note-server: stores which run of the Redis server keeps the data. After a change the last writes may be lost.
-- KEYS: 1
-- ARGV: id of the server's run, id that the caller knew before ('' for none), uptime of the server in ms, ms for which this is stored
-- Returns {time since which this server runs, if it differs from the one before, or '', whether the caller noticed the change first (0|1), now, time at which it was noticed first}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run, at, noticed = unpack(redis.call('HMGET', KEYS[1], 'run', 'at', 'noticed'))
local first = 0
if run ~= ARGV[1] then
  first = (run or ARGV[2] ~= '') and 1 or 0
  at = first == 1 and string.format('%.0f', now - tonumber(ARGV[3])) or ''
  noticed = string.format('%.0f', now)
  redis.call('HSET', KEYS[1], 'run', ARGV[1], 'at', at, 'noticed', noticed)
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { at or '', first, string.format('%.0f', now), noticed or string.format('%.0f', now) }
