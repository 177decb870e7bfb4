-- regrant: takes over the publication of an entry that its process left, or whose run never came to be.
-- KEYS: 9
-- ARGV: proc, lease, entry, expected state, expected process, expected run id
-- Returns {'granted', state, grants, callbacks, closing, withdrawn} | {'refused'} | {'unknown'}
--- @include "readiness"
if not read_group() then return { 'unknown' } end
local entry = ARGV[3]
local act = read_active(entry)
if not act or act.state ~= ARGV[4] or act.proc ~= ARGV[5] or act.run ~= ARGV[6] then return { 'refused' } end
if not may(act.state, 'granted') then return { 'refused' } end
if can_take_back(entry, act) then
  take_back(entry, act)
  return done('granted')
end
become(entry, act, 'granted')
act.proc, act.run = proc, ''
if ARGV[4] == 'published' then act.pubs = int(tonumber(act.pubs) + 1) end
write_active(entry, act, now + lease)
if entry == 'p' then
  callbacks[1] = { 'p', '' }
elseif is_callback(entry) then
  callbacks[1] = { entry, redis.call('HGET', C, entry) }
else
  hand_out({ entry })
end
write_group()
return reply('granted')
