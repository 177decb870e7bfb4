-- unindex-groups: takes groups that are gone out of the catalog, unless they were made anew since.
-- KEYS: 1
-- ARGV: (group id, score with which it was found) pairs
-- Returns how many were taken out
local left = 0
for i = 1, #ARGV, 2 do
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or '-1') == tonumber(ARGV[i + 1]) then
    left = left + redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return left
