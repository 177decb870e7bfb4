-- creation: writes a new group with its first items.
--- @include "pending"
-- Writes the group that ARGV describes: the number of its fields, each field with its value, then the specs of its items.
-- Returns false when the group exists already.
local function write_new()
  if redis.call('HEXISTS', G, field.status) == 1 then return false end
  local first = 4 + tonumber(ARGV[3]) * 2
  local given, values = { [field.status] = 'pending', [field.createdAt] = int(now), [field.progressAt] = int(now), [field.total] = int(#ARGV - first + 1) }, {}
  for i = 4, first - 1, 2 do given[ARGV[i]] = ARGV[i + 1] end
  for i, name in ipairs(names) do values[i] = given[name] or false end
  set_group(values)
  redis.call('HSET', G, field.status, 'pending', field.createdAt, given.createdAt, field.progressAt, given.progressAt, field.total, given.total, unpack(ARGV, 4, first - 1))
  local specs = {}
  for i = first, #ARGV do
    local entry = int(i - first)
    specs[#specs + 1], specs[#specs + 2] = entry, ARGV[i]
    note_children(entry, ARGV[i])
    note_bytes(#ARGV[i])
  end
  write_all('HSET', S, specs)
  return true
end

-- The reply for a group that existed before. If the secret is the same, this very call was sent twice because its reply was lost; then
-- the reconciler publishes the grants of the first one.
local function as_it_was()
  read_group()
  local secret
  for i = 4, 3 + tonumber(ARGV[3]) * 2, 2 do
    if ARGV[i] == field.secret then secret = ARGV[i + 1] end
  end
  local own = redis.call('HGET', G, field.secret) == secret
  -- Another call continues to build the group, so a first builder that fails must not delete it.
  if not own and group.status == 'pending' then redis.call('HSET', G, field.joined, 1) end
  return { own and 'created' or 'exists', group_header(0, 0, ''), {}, {}, {}, {}, int(group.buildCursor - 1) }
end
