-- regrant-untaken: grants an entry again because no worker took its run within the engine's schedule timeout.
-- KEYS: 10
-- ARGV: proc, lease, entry, expected process, expected run id, ms for which this run waited for a worker
-- Returns {'granted', state, grants, callbacks, closing, withdrawn, ms for which no worker has taken the entry ('' when it was taken back)} | {'refused'} | {'unknown'}
--   | {'over', the same ms} (it has waited for too long) | {'stopped'} (its group starts nothing more, so it never starts)
--- @include "readiness"
if not read_group() then return { 'unknown' } end
local entry = ARGV[3]
local act = read_active(entry)
if not act or act.state ~= 'published' or act.process ~= ARGV[4] or act.run ~= ARGV[5] then return { 'refused' } end
if can_take_back(entry, act) then
  take_back(entry, act)
  return conclude('granted')
end
if act.cancel == '1' or (not is_callback(entry) and group.status ~= 'running') then return { 'stopped' } end
local since = tonumber(redis.call('HGET', C, callback_field.untakenSince .. entry)) or now - tonumber(ARGV[6])
-- The entry may wait as long as an abandoned group is kept.
if now - since >= group.abandonedAfter then return { 'over', int(now - since) } end
redis.call('HSET', C, callback_field.untakenSince .. entry, int(since))
flag('U')
become(entry, act, 'granted')
act.process, act.run = proc, ''
write_active(entry, act, now + lease)
if is_callback(entry) then
  callbacks[1] = { entry, redis.call('HGET', C, entry) }
else
  hand_out({ entry })
end
write_group()
local answer = reply('granted')
answer[7] = int(now - since)
return answer
