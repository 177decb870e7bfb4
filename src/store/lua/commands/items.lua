-- items: reads some ranges of the items of a group, without their bound data. Changes nothing.
-- KEYS: 10
-- ARGV: proc, lease, then for each range: index of the first, index after the last
-- Returns {'missing'} | {'items', status, flags, kind, total, first index that was not made ready by the cursor, {header of the spec, packed active entry or nil, byte, suspended individually (0|1)}, ...}
--- @include "suspension"
if not read_group() then return { 'missing' } end
local reply = { 'items', group.status, group.flags or '', group.kind, int(group.total), int(group.sweptTo) }

local function entries_of(from, to)
  local entries = {}
  for i = from, to - 1 do entries[#entries + 1] = int(i) end
  return entries
end

local function read_range(from, to)
  local bytes = redis.call('GETRANGE', B, from, to - 1)
  local active = {}
  for block = from, to - 1, 50 do
    local entries = entries_of(block, math.min(to, block + 50))
    -- Active entries are small, and most pages have at most 200 items.
    local place = (block - from) % 200
    if place == 0 then active = redis.call('HMGET', A, unpack(entries_of(block, math.min(to, block + 200)))) end
    -- Bound data may be large, so specs are read in blocks, and each block can be freed before the next one is read.
    local specs = redis.call('HMGET', S, unpack(entries))
    for n, entry in ipairs(entries) do
      local spec = specs[n] or ''
      local head = string.sub(spec, 1, string.find(spec, '\n', 1, true) or #spec)
      local byte = string.sub(bytes, block - from + n, block - from + n)
      reply[#reply + 1] = { head, active[place + n], byte, suspended_alone(entry) and 1 or 0 }
    end
  end
end

for range = 3, #ARGV, 2 do
  local from, to = tonumber(ARGV[range]), math.min(tonumber(ARGV[range + 1]), group.total)
  if from < to then read_range(from, to) end
end
return reply
