-- spec-heads: reads what leads the specs of items, without their callbacks and what is bound to them, of as many as it takes a moment. Changes nothing.
-- KEYS: 1
-- ARGV: how many bytes of specs are looked at, at most, then the items
-- Returns for each of the first items its head, or nothing; of one at least
local left, heads = tonumber(ARGV[1]), {}
for i = 2, #ARGV do
  left = left - redis.call('HSTRLEN', KEYS[1], ARGV[i])
  if left < 0 and i > 2 then break end
  local spec = redis.call('HGET', KEYS[1], ARGV[i])
  heads[i - 1] = spec and string.sub(spec, 1, string.find(spec, '\n', 1, true) or #spec)
end
return heads
