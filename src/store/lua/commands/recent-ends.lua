-- recent-ends: counts the items that have ended lately: before now or, in a group that has ended, before its end. Changes nothing.
-- KEYS: 10
-- ARGV: proc, lease, for how long before that, in ms; a group that was started (or retried) later is looked at since then
-- Returns {number of items, for how long it looked, in ms}
--- @include "times"
local recent, blocks = {}, {}

-- Returns the time at which an item has ended; 0 if that is not stored.
local function end_of(entry)
  local ended_at = recent[entry]
  if not ended_at then
    local block, at = row_of(entry)
    -- What ended one after the other is often in one block.
    blocks[block] = blocks[block] or redis.call('HGET', T, block) or ''
    local rows = blocks[block]
    ended_at = #rows >= at + row_bytes and struct.unpack(row_format, rows, at + 1) - 1
  end
  return ended_at and group.createdAt + ended_at or 0
end

if not read_group() then return { 0, '0' } end
local started, over = unpack(redis.call('HMGET', G, field.startedAt, field.endedAt))
if not tonumber(started) then return { 0, '0' } end
local till = ended() and tonumber(over) or now
local since = math.max(till - ARGV[3], tonumber(started))
each_recent(function(entry, ended_at) recent[entry] = tonumber(ended_at) end)
-- The log is in the order of ends, so few of them have to be looked at.
local total = redis.call('LLEN', E)
local first, last = 0, total
-- Of a group that is young enough, all have ended lately.
if total > 0 and end_of(redis.call('LINDEX', E, 0)) >= since then last = 0 end
while first < last do
  local middle = math.floor((first + last) / 2)
  if end_of(redis.call('LINDEX', E, middle)) >= since then last = middle else first = middle + 1 end
end
return { int(total - first), int(math.max(till - since, 0)) }
