-- release: a group's parent is over, or gone: it is forgotten after its own retention. What was never started ends here.
-- KEYS: 9
-- ARGV: proc, lease
-- Returns {'released'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "ends"
if not read_group() then return { 'missing' } end
put('rel', 1)
redis.call('HDEL', A, 'p')
redis.call('ZREM', L, 'p')
if g.st == 'pending' then
  -- There is nobody to tell.
  g.pg = false
  unflag('S')
  end_group('cancelled', false)
end
expire_group()
write_group()
return reply('released')
