-- release: allows a group to expire after its retention, because its parent has ended or is gone. Cancels it if it was never started.
-- KEYS: 10
-- ARGV: proc, lease, retention of the outermost group in ms ('' for its own)
-- Returns {'released'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "ends"
if not read_group() then return { 'missing' } end
put(field.released, 1)
if ARGV[3] ~= '' then put(field.retention, tonumber(ARGV[3])) end
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
