-- renew: extends the lease of entries whose owner is alive or whose run the engine still has.
-- KEYS: 10
-- ARGV: proc, length of the new lease in ms, then the entries
-- Returns the number of entries renewed
--- @include "states"
local renewed = 0
for i = 3, #ARGV do
  renewed = renewed + redis.call('ZADD', L, 'XX', 'CH', int(now + lease), ARGV[i])
end
return renewed
