-- enter: notes in the catalog that a group exists, by the time of its creation in microseconds, so that hardly two are equal.
-- KEYS: 1
-- ARGV: group id, whether it is new even if it stands there already (0|1)
-- Returns 1 when it was not in the catalog
local time = redis.call('TIME')
local at = time[1] .. string.format('%06d', tonumber(time[2]))
if ARGV[2] == '1' then return redis.call('ZADD', KEYS[1], at, ARGV[1]) end
return redis.call('ZADD', KEYS[1], 'NX', at, ARGV[1])
