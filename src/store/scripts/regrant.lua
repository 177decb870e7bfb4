-- regrant: takes over the publication of an entry that its process left, whose run never came to be, or which no worker took in time.
-- KEYS: 9
-- ARGV: proc, lease, entry, expected state, expected process, expected run id, ms for which that run waited for a worker ('' when that isn't why)
-- Returns {'granted', state, grants, callbacks, closing, withdrawn, ms for which no worker has taken it ('' when that isn't why)} | {'refused'} | {'unknown'}
--   | {'over', the same ms} (it has waited for too long) | {'stopped'} (its group has, so that it never starts)
--- @include "readiness"
if not read_group() then return { 'unknown' } end
local entry = ARGV[3]
local act = read_active(entry)
if not act or act.state ~= ARGV[4] or act.proc ~= ARGV[5] or act.run ~= ARGV[6] then return { 'refused' } end
if not may(act.state, 'granted') then return { 'refused' } end
local waited = tonumber(ARGV[7])
local since
if waited and not can_take_back(entry, act) then
  if act.cancel == '1' or (not is_callback(entry) and g.st ~= 'running') then return { 'stopped' } end
  since = tonumber(redis.call('HGET', C, 'u:' .. entry)) or now - waited
  -- As long as a group that nobody goes on with is kept.
  if now - since >= g.ttl then return { 'over', int(now - since) } end
  redis.call('HSET', C, 'u:' .. entry, int(since))
  flag('U')
end
if can_take_back(entry, act) then
  take_back(entry, act)
  return done('granted')
end
become(entry, act, 'granted')
act.proc, act.run = proc, ''
if ARGV[4] == 'published' and not waited then act.pubs = int(tonumber(act.pubs) + 1) end
write_active(entry, act, now + lease)
if entry == 'p' then
  callbacks[1] = { 'p', '' }
elseif is_callback(entry) then
  callbacks[1] = { entry, redis.call('HGET', C, entry) }
else
  hand_out({ entry })
end
write_group()
local answer = reply('granted')
answer[7] = since and int(now - since) or ''
return answer
