-- due: returns what the reconciler has to do for a group: entries whose lease has run out, and pending duties.
-- KEYS: 10
-- ARGV: proc, lease, limit, whether the entries are taken, which makes them due again after another lease (0|1), latest due time of the entries in ms ('' for now)
-- Returns {status or 'missing', flags, number of active entries, end of its retention or '', more to grant (0|1), groups below have yet to be kept (0|1), groups are below (0|1), {entry, packed state, ...},
--   ms until its deadline or '', abandoned (0|1), rows of the signature index have to be renewed (0|1), ms until the next lease runs out or '', number of items, now, when the next start is planned or '', ms until the lease of a call that fills it or chooses the items of a retry is over or ''}
--- @include "grants"
--- @include "leases"
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
-- The next call, from this or another process, returns other entries.
if ARGV[4] == '1' then write_all('ZADD', L, taken) end
local later = redis.call('ZRANGEBYSCORE', L, '(' .. int(now), '(inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
-- Another process may have planned to look at the group then, and is gone.
local next_look = read_pace().next_start > 0 and pace.next_start + lease
later = next_look and math.min(next_look, tonumber(later) or next_look) or later
local over, lasts, renewed = unpack(redis.call('HMGET', G, field.deadline, field.expiresAt, field.locationsRenewedAt))
over = (group.status == 'running' or group.status == 'stopping') and tonumber(over) or 0
over = over > 0 and over
-- The rows are renewed several times within their lifetime.
local renew = not ended() and now - (tonumber(renewed) or group.createdAt) > group.abandonedAfter / 4
if renew then redis.call('HSET', G, field.locationsRenewedAt, int(now)) end
local is_overdue = pace.next_start > 0 and now >= pace.next_start + lease
local more = (is_overdue or has('M') and not has('S')) and 1 or more_to_take()
local left = lease_left()
return { group.status, group.flags or '', redis.call('HLEN', A), lasts or '', more, int(group.retainChildren), int(group.nested), list, over and int(over - now) or '', idle() and 1 or 0, renew and 1 or 0, later and int(later - now) or '', int(group.total), int(now), pace.next_start > 0 and int(pace.next_start) or '', left and int(left) or '' }
