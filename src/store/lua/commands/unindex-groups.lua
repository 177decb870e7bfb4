-- unindex-groups: removes groups that are gone from the top-level index, unless they were created again since they were read.
-- KEYS: 1
-- ARGV: pairs of a group id and the score with which it was read
-- Returns how many were removed
local left = 0
for i = 1, #ARGV, 2 do
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or '-1') == tonumber(ARGV[i + 1]) then
    left = left + redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return left
