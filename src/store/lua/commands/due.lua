-- due: what the reconciler has to ask about in a group: entries whose lease ran out.
-- KEYS: 9
-- ARGV: proc, lease, limit, whether they are taken: due again after another lease (0|1), and of these only those due at that time ('' for now)
-- Returns {status or 'missing', flags, active entries, time to forget or '', more to take, groups below to be kept (0|1), groups below (0|1), {entry, packed state, ...}, ms until its time is over or '', abandoned (0|1), records of its signatures to be renewed (0|1), ms until the next lease runs out or '', number of items, now}
--- @include "grants"
if not read_group() then return { 'missing' } end
local list, taken = {}, {}
local latest = ARGV[5] ~= '' and ARGV[5] or int(now)
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', L, '-inf', latest, 'LIMIT', 0, ARGV[3])) do
  local packed = redis.call('HGET', A, entry)
  if packed then
    list[#list + 1] = entry
    list[#list + 1] = packed
  end
  taken[#taken + 1], taken[#taken + 2] = int(now + lease), entry
end
-- Whoever asks on gets others, and so does another process.
if ARGV[4] == '1' then write_all('ZADD', L, taken) end
local later = redis.call('ZRANGEBYSCORE', L, '(' .. int(now), '(inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
local over, lasts, renewed = unpack(redis.call('HMGET', G, 'dl', 'rt', 'lr'))
over = (g.st == 'running' or g.st == 'stopping') and tonumber(over) or 0
over = over > 0 and over
-- Several times within the life of such a record.
local renew = not ended() and now - (tonumber(renewed) or g.cr) > g.ttl / 4
if renew then redis.call('HSET', G, 'lr', int(now)) end
local more = has('M') and not has('S') and 1 or more_to_take()
return { g.st, g.fl or '', redis.call('HLEN', A), lasts or '', more, int(g.hold), int(g.nch), list, over and int(over - now) or '', idle() and 1 or 0, renew and 1 or 0, later and int(later - now) or '', int(g.tot), int(now) }
