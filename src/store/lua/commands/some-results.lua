-- some-results: reads results of one bucket when they are small together, and else only how large they are. Changes nothing.
-- KEYS: 1
-- ARGV: how many bytes at most, then the items
-- Returns for each item its result, or nothing; or, of all of them, the bytes that each has
local sizes, total = {}, 0
for i = 2, #ARGV do
  sizes[i - 1] = redis.call('HSTRLEN', KEYS[1], ARGV[i])
  total = total + sizes[i - 1]
end
if total > tonumber(ARGV[1]) then return sizes end
return redis.call('HMGET', KEYS[1], unpack(ARGV, 2))
