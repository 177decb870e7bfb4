-- add: appends up to 1,000 items to a group, makes them ready or closes the group when asked to.
-- KEYS: 9
-- ARGV: proc, lease, run (0|1), close (0|1), place in the tasks that the group is made of ('' when it is made), last of them (0|1), then for each item its spec and its key ('' for none)
-- Returns {'moved', place} | {'added'|'missing'|'closed'|'finished', status, grants, callbacks, more, message version, total, expiring, indexes, number added}
--- @include "readiness"
if not read_group() then return { 'missing' } end
-- Two that make a group of one key add each of its tasks once, whichever of them gets there.
if ARGV[5] ~= '' and g.bld ~= tonumber(ARGV[5]) then return { 'moved', int(g.bld) } end
if ended() or g.st == 'stopping' or g.st == 'cancelling' then return { 'finished', g.st } end
if g.cl == 1 then return { 'closed', g.st } end
local first = g.tot
local indexes = {}
local index = first
for i = 7, #ARGV, 2 do
  local known = ARGV[i + 1] ~= '' and redis.call('HGET', S, 'k' .. ARGV[i + 1])
  if known then
    indexes[#indexes + 1] = known
  else
    redis.call('HSET', S, int(index), ARGV[i])
    if ARGV[i + 1] ~= '' then redis.call('HSET', S, 'k' .. ARGV[i + 1], int(index)) end
    indexes[#indexes + 1] = int(index)
    index = index + 1
  end
end
put('tot', index)
if ARGV[5] ~= '' then put('bld', ARGV[6] == '1' and 0 or g.bld + (#ARGV - 6) / 2) end
if ARGV[3] == '1' and index > first then
  start_group()
  make_ready(first, index - 1)
end
if ARGV[4] == '1' then
  put('cl', 1)
  if g.st == 'running' then sweep() end
end
local answer = done('added')
answer[9], answer[10] = indexes, int(index - first)
return answer
