-- spec-heads: reads the headers of specs, without callbacks and bound data, of as many items as does not block Redis for long. Changes nothing.
-- KEYS: 1
-- ARGV: maximum number of bytes of specs to inspect, then the items
-- Returns for each of the first items its header or nil; at least one
local left, heads = tonumber(ARGV[1]), {}
for i = 2, #ARGV do
  left = left - redis.call('HSTRLEN', KEYS[1], ARGV[i])
  if left < 0 and i > 2 then break end
  local spec = redis.call('HGET', KEYS[1], ARGV[i])
  heads[i - 1] = spec and string.sub(spec, 1, string.find(spec, '\n', 1, true) or #spec)
end
return heads
