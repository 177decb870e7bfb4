-- items: reads some ranges of the items of a group, without their bound data. Changes nothing.
-- KEYS: 10
-- ARGV: proc, lease, then for each range: index of the first, index after the last
-- Returns {'missing'} | {'items', status, flags, kind, total, first index that was not made ready by the cursor, {header of the spec, packed active entry or nil, byte, suspended individually (0|1)}, ...}
--- @include "suspension"
if not read_group() then return { 'missing' } end
local reply = { 'items', group.status, group.flags or '', group.kind, int(group.total), int(group.sweptTo) }

local function read_range(from, to)
  local bytes = redis.call('GETRANGE', B, from, to - 1)
  -- Bound data may be large, so specs are read in blocks, and each block can be freed before the next one is read.
  for block = from, to - 1, 50 do
    local entries = {}
    for i = block, math.min(to, block + 50) - 1 do entries[#entries + 1] = int(i) end
    local specs, active = redis.call('HMGET', S, unpack(entries)), redis.call('HMGET', A, unpack(entries))
    for n, entry in ipairs(entries) do
      local spec = specs[n] or ''
      local head = string.sub(spec, 1, string.find(spec, '\n', 1, true) or #spec)
      local byte = string.sub(bytes, block - from + n, block - from + n)
      reply[#reply + 1] = { head, active[n], byte, suspended_alone(entry) and 1 or 0 }
    end
  end
end

for range = 3, #ARGV, 2 do
  local from, to = tonumber(ARGV[range]), math.min(tonumber(ARGV[range + 1]), group.total)
  if from < to then read_range(from, to) end
end
return reply
