-- forget: deletes a group whose retention is over, unless it was retried or created again since the caller read it.
-- KEYS: 9
-- ARGV: proc, lease
-- Returns 1 when the group is gone, else 0
--- @include "group"
if not read_group() then return 1 end
local over = tonumber(redis.call('HGET', G, field.expiresAt) or '0')
if not ended() or redis.call('HLEN', A) > 0 or over == 0 or over > now then return 0 end
for i = 1, 8 do redis.call('UNLINK', KEYS[i]) end
return 1
