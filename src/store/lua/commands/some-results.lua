-- some-results: reads fields of a hash (results of one bucket, or specs) if they are small together, otherwise only their sizes. Changes nothing.
-- KEYS: 1
-- ARGV: maximum number of bytes together, then the fields
-- Returns for each field its value or nil; or, if they are too large, the size of each in bytes
local sizes, total = {}, 0
for i = 2, #ARGV do
  sizes[i - 1] = redis.call('HSTRLEN', KEYS[1], ARGV[i])
  total = total + sizes[i - 1]
end
if total > tonumber(ARGV[1]) then return sizes end
return redis.call('HMGET', KEYS[1], unpack(ARGV, 2))
