-- cancel: cancels a group, so that nothing more of it starts. The caller has to cancel its runs in the engine.
-- KEYS: 10
-- ARGV: proc, lease, reason (user: a user cancels this very group | parent: its parent is cancelled | stop: its parent has stopped; cancels it only if it was never started
--   | timeout: cancels it if its deadline has passed | abandoned: cancels it if it is abandoned
--   | unfilled: cancels it if it was to be filled under the caller's lease, or under one that is over), name of the caller's lease ('' for none)
-- Returns {'cancelled'|'ended'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
--- @include "leases"
if not read_group() then return { 'missing' } end
local by = ARGV[3]
if ended() then
  if by ~= 'abandoned' or not idle() then return reply('ended') end
  -- The group has ended, but nobody has resumed it, so its callbacks are still deferred.
  release_deferred(true)
  return conclude('ended')
end
if by == 'timeout' then
  local over = tonumber(redis.call('HGET', G, field.deadline) or '0')
  if group.status == 'cancelling' or over == 0 or now < over then return reply('ended') end
end
if by == 'abandoned' and not idle() then return reply('ended') end
if by == 'unfilled' and group.leasedTo ~= ARGV[4] and (has('R') or (lease_left() or 1) > 0) then return reply('ended') end
if by ~= 'stop' and group.status ~= 'cancelling' then redis.call('HSET', G, field.cancelledBy, by) end
unflag('S')
release_deferred(true)
if group.status == 'pending' then
  end_group('cancelled', by == 'user' or by == 'abandoned' or by == 'unfilled')
elseif is_single() then
  -- The task stands for the group. If it has ended, only its callbacks were waiting.
  if group.succeeded + group.failed + group.cancelled == 0 and not read_active('0') then end_entry('0', nil, 'cancelled', '') end
elseif by ~= 'stop' and group.status ~= 'cancelling' then
  move_to('cancelling')
  -- The body of a root may go on adding children after the deadline of their group. They are cancelled at once.
  if not is_filled_by_body() or by ~= 'timeout' then put(field.closed, 1) end
end
return conclude('cancelled')
