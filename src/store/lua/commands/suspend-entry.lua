-- suspend-entry: suspends one entry, so that it does not start and its own callbacks are deferred, or resumes it. The most recent suspend or resume wins.
-- KEYS: 10
-- ARGV: proc, lease, entry, suspended (0|1)
-- Returns {'suspended'|'resumed'|'ended'|'missing', state, grants, callbacks, closing, withdrawn, version, groups are below (0|1)}
--- @include "readiness"
if not read_group() then return { 'missing' } end
local entry = ARGV[3]
local act = read_active(entry)
local state = state_of(entry, act)
if state == 'unknown' then return { 'missing' } end
local suspend = ARGV[4] == '1'
if ended() and not act and not has('H') then return reply('ended') end
if suspend and (act and act.cancel == '1' or not act and state ~= 'waiting' and state ~= 'queued') then return reply('ended') end
local version = next_version(redis.call('HGET', C, callback_field.entrySuspension .. entry))
redis.call('HSET', C, callback_field.entrySuspension .. entry, suspend and int(version) or '-' .. int(version))
flag('E')
if group.nested > 0 then propagate_suspension() end
if not suspend then
  if tonumber(entry) then requeue_passed(tonumber(entry)) end
  release_deferred()
end
put(field.progressAt, now)
local answer = conclude(suspend and 'suspended' or 'resumed')
answer[7], answer[8] = int(version), int(group.nested)
return answer
