-- expired-publications: finds granted entries whose lease has run out, so that another process can publish them. They become due again after another lease.
-- KEYS: 10
-- ARGV: proc, lease, number of due entries to skip, number to inspect after these, latest time at which the lease ran out in ms
-- Returns {number of inspected entries, {entry, packed state, ...}}
--- @include "group"
local found = redis.call('ZRANGE', L, ARGV[3], ARGV[3] + ARGV[4] - 1, 'WITHSCORES')
local entries, list, taken = {}, {}, {}
for i = 1, #found, 2 do
  if tonumber(found[i + 1]) > tonumber(ARGV[5]) then break end
  entries[#entries + 1] = found[i]
end
for i, packed in ipairs(#entries > 0 and redis.call('HMGET', A, unpack(entries)) or {}) do
  if packed and string.sub(packed, 1, 8) == 'granted|' then
    list[#list + 1], list[#list + 2] = entries[i], packed
    taken[#taken + 1], taken[#taken + 2] = int(now + lease), entries[i]
  end
end
write_all('ZADD', L, taken)
return { #entries, list }
