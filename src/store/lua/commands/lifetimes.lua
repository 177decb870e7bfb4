-- lifetimes: what a group has beside its own keys lives as long as they do: it stays, expires or goes with them.
-- KEYS: 9 (the group hash, then what belongs to the group, one key more than once if need be)
-- ARGV: none
-- Returns nothing
local left = redis.call('PTTL', KEYS[1])
if left == -1 then
  local status, over, ret, grace = unpack(redis.call('HMGET', KEYS[1], 'st', 'rt', 'ret', 'grace'))
  local ended = status == 'succeeded' or status == 'failed' or status == 'cancelled'
  -- Its own keys expire only after those of the groups below it.
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
