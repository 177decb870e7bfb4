-- create: writes a new group with its first items, and starts it when asked to.
-- KEYS: 9
-- ARGV: proc, lease, run (0|1), message ('' for none), number of fields, field, value, ..., then the specs of the items
-- Returns {'created'|'exists', state, grants, callbacks, closing, withdrawn, place in the tasks that it is still being made of, -1 when it is whole}
--- @include "readiness"
if read_group() then
  local secret
  for i = 6, 5 + tonumber(ARGV[5]) * 2, 2 do
    if ARGV[i] == 'sec' then secret = ARGV[i + 1] end
  end
  -- The same secret means that this very call was sent twice (a lost answer): upkeep publishes what it granted.
  local answer = reply(redis.call('HGET', G, 'sec') == secret and 'created' or 'exists')
  answer[7] = int(g.bld - 1)
  return answer
end
local first = 6 + tonumber(ARGV[5]) * 2
local given, values = { st = 'pending', cr = int(now), pr = int(now), tot = int(#ARGV - first + 1) }, {}
for i = 6, first - 1, 2 do given[ARGV[i]] = ARGV[i + 1] end
for i, name in ipairs(names) do values[i] = given[name] or false end
set_group(values)
redis.call('HSET', G, 'st', 'pending', 'cr', given.cr, 'pr', given.pr, 'tot', given.tot, unpack(ARGV, 6, first - 1))
local specs = {}
for i = first, #ARGV do
  specs[#specs + 1], specs[#specs + 2] = int(i - first), ARGV[i]
  note_children(int(i - first), ARGV[i])
end
write_all('HSET', S, specs)
if ARGV[3] == '1' then
  if ARGV[4] ~= '' then
    redis.call('HSET', G, 'msg', ARGV[4])
    put('mv', 1)
  end
  start_group(true)
  sweep()
end
return done('created')
