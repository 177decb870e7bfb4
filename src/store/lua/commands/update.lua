-- update: changes how a group runs its items, with immediate effect. Fields that are not given stay.
-- KEYS: 10
-- ARGV: proc, lease, then for each change the field of the group and its value ('' to remove it)
-- Returns {'updated'|'finished'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
if ended() or group.status == 'stopping' or group.status == 'cancelling' then return reply('finished') end
local time_limit_changes, rate_changes = false, false
local tokens = rate_limit() and (refill() or pace.units / rate.per)
for i = 3, #ARGV, 2 do
  time_limit_changes = time_limit_changes or ARGV[i] == field.timeoutMs
  rate_changes = rate_changes or ARGV[i] == field.rateLimit
  if ARGV[i + 1] == '' then
    redis.call('HDEL', G, ARGV[i])
  else
    redis.call('HSET', G, ARGV[i], ARGV[i + 1])
  end
end
read_group()
if rate_changes then
  rate = nil
  -- The bucket keeps its tokens; one that is new is full.
  if rate_limit() then
    read_pace().units = tokens and math.floor(tokens * rate.per) or capacity()
    pace.at = now
    pace_changed = true
  end
end
-- A person has looked after it, so it is not abandoned.
put(field.progressAt, now)
if time_limit_changes and group.status == 'running' then
  put(field.deadline, deadline_after(tonumber(redis.call('HGET', G, field.startedAt))))
end
close_when_full()
stop_at_limit()
return conclude('updated')
