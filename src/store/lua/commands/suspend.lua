-- suspend: nothing of a group starts any more and its callbacks wait, or it goes on. The latest word counts.
-- KEYS: 9
-- ARGV: proc, lease, suspended (0|1), version of the word ('' for a new one)
-- Returns {'suspended'|'resumed'|'ended'|'older'|'missing', state, grants, callbacks, closing, withdrawn, version, groups below (0|1)}
--- @include "readiness"
if not read_group() then return { 'missing' } end
-- A task by itself that is being cancelled can't wait any more than a group.
local only = g.k == 'task' and read_active('0')
-- A chain that was suspended when one of its steps was cancelled ends when it is resumed.
local over = g.st == 'cancelling' and (ARGV[3] == '1' or not has('S'))
if ended() or over or (only and only.cancel == '1') then return reply('ended') end
local last = tonumber(redis.call('HGET', G, 'sv') or '0')
local version = tonumber(ARGV[4]) or next_version(last)
if version < last then return reply('older') end
redis.call('HSET', G, 'sv', int(version))
if g.nch > 0 then propagate_suspension() end
local was = has('S')
if ARGV[3] == '1' then
  flag('S')
  -- It begins anew when it is resumed.
  unflag('P')
else
  unflag('S')
  if has('E') then begin_to_put_back() end
  release_deferred()
end
put('pr', now)
-- Nothing else says that it has become something else.
if was ~= has('S') then changed.st = true end
local answer = conclude(ARGV[3] == '1' and 'suspended' or 'resumed')
answer[7], answer[8] = int(version), int(g.nch)
return answer
