-- add: appends up to 1,000 items to a group; makes them ready or closes the group if asked to.
-- KEYS: 10
-- ARGV: proc, lease, run (0|1), close (0|1), position of the first item among the tasks of which the group is built ('' when it is complete), these are the last ones (0|1), then for each item its spec, its key ('' for none) and its own message ('' for none)
-- Returns {'moved', position of the next task} | {'missing'} | {'closed'|'finished', status}
--   | {'added', state, grants, callbacks, closing, withdrawn, indexes (fewer than items when the group became full), number added}
--- @include "readiness"
if not read_group() then return { 'missing' } end
-- Two processes that build a group of the same key add each task once: the second one continues at the stored position.
if ARGV[5] ~= '' and group.buildCursor ~= tonumber(ARGV[5]) + 1 then return { 'moved', int(group.buildCursor - 1) } end
if ARGV[5] == '' and group.buildCursor > 0 then redis.call('HSET', G, field.joined, 1) end
local indexes, new, by_key = {}, {}, {}
local index = group.total
local room = group.maxItems > 0 and group.maxItems - group.total or math.huge
for i = 7, #ARGV, 3 do
  local key = ARGV[i + 1]
  local known = key ~= '' and (by_key[key] or redis.call('HGET', S, spec_field.itemKey .. key))
  if not known then
    if #new >= room and group.closed == 0 then break end
    known = int(index)
    new[#new + 1] = i
    index = index + 1
    if key ~= '' then by_key[key] = known end
  end
  indexes[#indexes + 1] = known
end
local first = group.total
-- An item whose key exists is accepted, even if the group has been closed or has ended since.
if #new > 0 or #indexes == 0 then
  local stopped = group.status == 'stopping' or group.status == 'cancelling'
  if ended() or (stopped and (not is_filled_by_body() or group.closed == 1)) then return { 'finished', group.status } end
  if group.closed == 1 then return { 'closed', group.status } end
end
local fields = {}
local function keep(name, value)
  fields[#fields + 1], fields[#fields + 2] = name, value
end
for n, i in ipairs(new) do
  local entry = int(first + n - 1)
  keep(entry, ARGV[i])
  if ARGV[i + 1] ~= '' then keep(spec_field.itemKey .. ARGV[i + 1], entry) end
  if ARGV[i + 2] ~= '' then keep(spec_field.ownMessage .. entry, ARGV[i + 2]) end
  note_children(entry, ARGV[i])
  note_bytes(#ARGV[i] + #ARGV[i + 2])
end
write_all('HSET', S, fields)
put(field.total, index)
if ARGV[5] ~= '' then put(field.buildCursor, ARGV[6] == '1' and 0 or group.buildCursor + (#ARGV - 6) / 3) end
if ARGV[3] == '1' and index > first then
  start_group()
  make_ready(first, index - 1)
end
if ARGV[4] == '1' and group.closed == 0 then
  put(field.closed, 1)
  if group.status == 'running' then sweep() end
end
close_when_full()
local answer = conclude('added')
answer[7], answer[8] = indexes, int(index - first)
return answer
