-- creation: a new group, written with its first items.
--- @include "pending"
-- Writes the group that ARGV tells of: the number of its fields, each with its value, then the specs of its items. False when it is there already.
local function write_new()
  if redis.call('HEXISTS', G, 'st') == 1 then return false end
  local first = 4 + tonumber(ARGV[3]) * 2
  local given, values = { st = 'pending', cr = int(now), pr = int(now), tot = int(#ARGV - first + 1) }, {}
  for i = 4, first - 1, 2 do given[ARGV[i]] = ARGV[i + 1] end
  for i, name in ipairs(names) do values[i] = given[name] or false end
  set_group(values)
  redis.call('HSET', G, 'st', 'pending', 'cr', given.cr, 'pr', given.pr, 'tot', given.tot, unpack(ARGV, 4, first - 1))
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

-- What to say of one that was there before. The same secret means that this very call was sent twice (a lost answer): the reconciler
-- publishes what it granted.
local function as_it_was()
  read_group()
  local secret
  for i = 4, 3 + tonumber(ARGV[3]) * 2, 2 do
    if ARGV[i] == 'sec' then secret = ARGV[i + 1] end
  end
  local own = redis.call('HGET', G, 'sec') == secret
  -- Whoever has begun to make it, and can't go on, must leave it to the others.
  if not own and g.st == 'pending' then redis.call('HSET', G, 'jn', 1) end
  return { own and 'created' or 'exists', group_header(0, 0, ''), {}, {}, {}, {}, int(g.bld - 1) }
end
