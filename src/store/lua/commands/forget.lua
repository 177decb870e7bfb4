-- forget: deletes a group whose retention is over, unless it was retried or created again since the caller read it.
-- KEYS: 10
-- ARGV: proc, lease
-- Returns 1 when the group is gone, else 0
--- @include "group"
if not read_group() then return 1 end
local over = tonumber(redis.call('HGET', G, field.expiresAt) or '0')
if not ended() or redis.call('HLEN', A) > 0 or over == 0 or over > now then return 0 end
redis.call('UNLINK', G, S, B, Q, A, L, C, E, T)
return 1
