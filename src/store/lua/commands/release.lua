-- release: allows a group to expire after its own retention, because its parent has ended or is gone. Cancels it if it was never started.
-- KEYS: 9
-- ARGV: proc, lease
-- Returns {'released'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "ends"
if not read_group() then return { 'missing' } end
put('rel', 1)
redis.call('HDEL', A, 'p')
redis.call('ZREM', L, 'p')
if g.st == 'pending' then
  -- No parent is left to be notified.
  g.pg = false
  unflag('S')
  end_group('cancelled', false)
end
expire_group()
write_group()
return reply('released')
