-- release: allows a group to expire after its own retention, because its parent has ended or is gone. Cancels it if it was never started.
-- KEYS: 9
-- ARGV: proc, lease
-- Returns {'released'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "ends"
if not read_group() then return { 'missing' } end
put(field.released, 1)
redis.call('HDEL', A, 'p')
redis.call('ZREM', L, 'p')
if group.status == 'pending' then
  -- No parent is left to be notified.
  group.parentId = false
  unflag('S')
  end_group('cancelled', false)
end
expire_group()
write_group()
return reply('released')
