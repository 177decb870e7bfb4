-- cancel: nothing of a group starts any more; what runs is for the caller to cancel in the engine.
-- KEYS: 9
-- ARGV: proc, lease, who cancels it (user: this very group | parent: the one that it sits in | stop: the one that it sits in, if it was never started
--   | timeout: its time is over, if it is | abandoned: nothing has happened in it for too long, if nothing has)
-- Returns {'cancelled'|'ended'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
local by = ARGV[3]
if ended() then
  if by ~= 'abandoned' or not idle() then return reply('ended') end
  -- Its callbacks are deferred, and nobody released them.
  release_deferred(true)
  return conclude('ended')
end
if by == 'timeout' then
  local over = tonumber(redis.call('HGET', G, 'dl') or '0')
  if g.st == 'cancelling' or over == 0 or now < over then return reply('ended') end
end
if by == 'abandoned' and not idle() then return reply('ended') end
if by ~= 'stop' and g.st ~= 'cancelling' then redis.call('HSET', G, 'why', by) end
unflag('S')
release_deferred(true)
if g.st == 'pending' then
  end_group('cancelled', by == 'user' or by == 'abandoned')
elseif g.k == 'task' then
  -- It is its group: when it has ended, only its callbacks waited.
  if g.ok + g.ko + g.cx == 0 and not read_active('0') then end_entry('0', nil, 'cancelled', '') end
elseif by ~= 'stop' and g.st ~= 'cancelling' then
  move_to('cancelling')
  -- A root's body goes on adding to children whose time is over: what it adds is cancelled at once.
  if g.k ~= 'root' or by ~= 'timeout' then put('cl', 1) end
end
return conclude('cancelled')
