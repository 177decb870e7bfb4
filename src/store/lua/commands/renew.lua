-- renew: puts off the next question about entries whose owner is alive or whose run the engine still knows.
-- KEYS: 9
-- ARGV: proc, lease, then entries
-- Returns the number renewed
--- @include "states"
local renewed = 0
for i = 3, #ARGV do
  renewed = renewed + redis.call('ZADD', L, 'XX', 'CH', int(now + lease), ARGV[i])
end
return renewed
