-- lifetimes: gives further keys of a group the lifetime of its own keys: they persist, expire or are deleted with them.
-- KEYS: 9 (the state of the group, then further keys of the group; a key may be repeated to fill the list)
-- ARGV: none
-- Returns nothing
local left = redis.call('PTTL', KEYS[1])
if left == -1 then
  local status, over, ret, grace = unpack(redis.call('HMGET', KEYS[1], field.status, field.expiresAt, field.retention, field.grace))
  local ended = status == 'succeeded' or status == 'failed' or status == 'cancelled'
  -- The own keys of the group get their time to live only after the groups below it.
  if ended and over then left = ret + grace end
end
for i = 2, 9 do
  if left == -2 then
    redis.call('UNLINK', KEYS[i])
  elseif left == -1 then
    redis.call('PERSIST', KEYS[i])
  else
    redis.call('PEXPIRE', KEYS[i], string.format('%.0f', left))
  end
end
