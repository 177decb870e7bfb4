-- due: what upkeep has to ask about in a group: entries whose lease ran out.
-- KEYS: 9
-- ARGV: proc, lease, limit
-- Returns {status or 'missing', next due time or '', active entries, time to forget or '', more to take, groups below to be kept (0|1), groups below (0|1), {entry, packed state, ...}}
--- @include "grants"
if not read_group() then return { 'missing' } end
local list = {}
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', L, '-inf', int(now), 'LIMIT', 0, ARGV[3])) do
  local packed = redis.call('HGET', A, entry)
  if packed then
    list[#list + 1] = entry
    list[#list + 1] = packed
  end
end
local next_due = redis.call('ZRANGE', L, 0, 0, 'WITHSCORES')
return { g.st, next_due[2] or '', redis.call('HLEN', A), redis.call('HGET', G, 'rt') or '', more_to_take(), int(g.hold), int(g.nch), list }
