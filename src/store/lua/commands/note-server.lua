-- note-server: which server it is that keeps the data; when it is another one than before, the last writes may be lost.
-- KEYS: 1
-- ARGV: name of the server's run, the one that the caller knew before ('' for none), for how long it runs in ms, ms for which this is remembered
-- Returns {since when this server runs, if it is another one than before, or '', whether the caller is the first to say so (0|1), now, when somebody said so first}
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
