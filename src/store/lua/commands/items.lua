-- items: reads a page of a group's items, without what is bound to them. Changes nothing.
-- KEYS: 9
-- ARGV: proc, lease, index of the first, index after the last
-- Returns {'missing'} | {'items', status, flags, kind, total, first that no sweep has made ready, {head of the spec, packed active entry or nil, byte, suspended by itself (0|1)}, ...}
--- @include "suspension"
if not read_group() then return { 'missing' } end
local from, to = tonumber(ARGV[3]), math.min(tonumber(ARGV[4]), g.tot)
local reply = { 'items', g.st, g.fl or '', g.k, int(g.tot), int(g.swp) }
if from >= to then return reply end
local bytes = redis.call('GETRANGE', B, from, to - 1)
-- What is bound to items may be large: it is let go before more is read.
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
return reply
