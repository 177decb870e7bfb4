-- run: starts a group with a message, which makes all its items ready.
-- KEYS: 9
-- ARGV: proc, lease, message ('' to start only the items that are ready), run options for items as JSON or '', parent's id ('' when a user runs it), entry in the parent (or, when a user runs it, 'ready' if it has been made ready there), the groups above it as JSON, round of the parent, channel on which the starting process receives the end of the group ('' for none)
-- Returns {'started'|'missing'|'already-started'|'finished', state, grants, ...} | {'nested', parent's id, entry in it}
--- @include "readiness"
if not read_group() then return { 'missing' } end
local by_parent = ARGV[5] ~= ''
if by_parent then
  local elsewhere = g.pg and g.pg ~= ARGV[5] or g.st ~= 'pending' and g.pe ~= ARGV[6]
  if elsewhere then return { 'already-started', g.st } end
  put('pg', ARGV[5])
  put('pe', ARGV[6])
  if g.st == 'pending' then redis.call('HSET', G, 'prd', ARGV[8]) end
  if g.st == 'running' then
    write_group()
    return reply('started')
  end
else
  if g.pg and g.st == 'pending' and ARGV[6] ~= 'ready' then return { 'nested', g.pg, g.pe or '' } end
  if g.mv > 0 then return { 'already-started', g.st } end
end
if ended() or g.st == 'stopping' or g.st == 'cancelling' then
  -- The group may be retried later, and then needs its message.
  if by_parent and ARGV[3] ~= '' and g.mv == 0 then
    redis.call('HSET', G, 'msg', ARGV[3])
    put('mv', 1)
    write_group()
  end
  return reply('finished')
end
if ARGV[7] ~= '' then redis.call('HSET', G, 'ctx', ARGV[7]) end
if ARGV[9] ~= '' then redis.call('HSET', G, 'hd', ARGV[9]) end
start_group(by_parent)
if ARGV[3] ~= '' and g.mv == 0 then
  redis.call('HSET', G, 'msg', ARGV[3])
  if ARGV[4] ~= '' then redis.call('HSET', G, 'ropt', ARGV[4]) end
  put('mv', 1)
end
if g.mv > 0 or g.cl == 1 then sweep() end
return conclude('started')
