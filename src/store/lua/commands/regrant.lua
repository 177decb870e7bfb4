-- regrant: takes over the publication of entries whose process is gone or whose runs were never created. If they are large, only the first ones are handled.
-- KEYS: 10
-- ARGV: proc, lease, then for each entry its entry|expected state|expected process|expected run id
-- Returns {'granted', state, grants, callbacks, closing, withdrawn, for each handled entry whether it was as expected (0|1)} | {'unknown'}
--- @include "readiness"
if not read_group() then return { 'unknown' } end
local bytes, items, answers, settles = 0, {}, {}, false

local function take_over(entry, act)
  if can_take_back(entry, act) then
    take_back(entry, act)
    settles = true
    return
  end
  if act.state == 'published' then act.publications = int(tonumber(act.publications) + 1) end
  become(entry, act, 'granted')
  act.process, act.run = proc, ''
  write_active(entry, act, now + lease)
  if entry == 'p' then
    callbacks[#callbacks + 1] = { 'p', '' }
  elseif is_callback(entry) then
    bytes = bytes + redis.call('HSTRLEN', C, entry)
    callbacks[#callbacks + 1] = { entry, redis.call('HGET', C, entry) }
  else
    bytes = bytes + redis.call('HSTRLEN', S, entry) + redis.call('HSTRLEN', S, spec_field.ownMessage .. entry)
    items[#items + 1] = entry
  end
end

for i, request in ipairs(read_requests(3, #ARGV, 1, 4)) do
  -- The rest is left for another call, so that Redis is not blocked for long.
  if bytes > 1048576 then break end
  local entry, state, process, run = unpack(request)
  local act = read_active(entry)
  local expected = act and state ~= 'running' and act.state == state and act.process == process and act.run == run and is_allowed(act.state, 'granted')
  answers[i] = expected and 1 or 0
  if expected then take_over(entry, act) end
end
hand_out(items)
local answer
if settles then
  answer = conclude('granted')
else
  write_group()
  answer = reply('granted')
end
answer[7] = answers
return answer
