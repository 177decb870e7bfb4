-- suspend: suspends a group, so that nothing of it starts and its callbacks are deferred, or resumes it. The most recent suspend or resume wins.
-- KEYS: 10
-- ARGV: proc, lease, suspended (0|1), version of a suspend or resume that comes from above ('' for a new one)
-- Returns {'suspended'|'resumed'|'ended'|'older'|'missing', state, grants, callbacks, closing, withdrawn, version, groups are below (0|1)}
--- @include "readiness"
if not read_group() then return { 'missing' } end
-- A task that was run by itself and is being cancelled cannot be suspended, like a group that is being cancelled.
local act = is_single() and read_active('0')
-- A chain that was suspended when one of its steps was cancelled can be resumed, and ends by that.
local over = group.status == 'cancelling' and (ARGV[3] == '1' or not has('S'))
if ended() or over or (act and act.cancel == '1') then return reply('ended') end
local last = tonumber(redis.call('HGET', G, field.suspensionVersion) or '0')
local version = tonumber(ARGV[4]) or next_version(last)
if version < last then return reply('older') end
redis.call('HSET', G, field.suspensionVersion, int(version))
if group.nested > 0 then propagate_suspension() end
local was = has('S')
if ARGV[3] == '1' then
  flag('S')
  -- Putting items back starts from the beginning at the next resume.
  unflag('P')
else
  unflag('S')
  if has('E') then begin_to_put_back() end
  release_deferred()
end
put(field.progressAt, now)
-- The status field itself does not change, so the change is marked here to be reported.
if was ~= has('S') then changed.status = true end
local answer = conclude(ARGV[3] == '1' and 'suspended' or 'resumed')
answer[7], answer[8] = int(version), int(group.nested)
return answer
