-- run: starts a group with a message, which makes all its items ready.
-- KEYS: 10
-- ARGV: proc, lease, message ('' to start only the items that are ready), run options for items as JSON or '', parent's id ('' when a user runs it), entry in the parent (or, when a user runs it, 'ready' if it has been made ready there), the groups above it as JSON, round of the parent, channel on which the starting process receives the end of the group ('' for none), `retention.abandonedMs` of the parent ('' to keep its own)
-- Returns {'started'|'missing'|'already-started'|'finished', state, grants, ...} | {'nested', parent's id, entry in it}
--- @include "readiness"
if not read_group() then return { 'missing' } end
local by_parent = ARGV[5] ~= ''
if by_parent then
  local elsewhere = group.parentId and group.parentId ~= ARGV[5] or group.status ~= 'pending' and group.parentEntry ~= ARGV[6]
  if elsewhere then return { 'already-started', group.status } end
  put(field.parentId, ARGV[5])
  put(field.parentEntry, ARGV[6])
  if group.status == 'pending' then
    redis.call('HSET', G, field.parentRound, ARGV[8])
    if ARGV[10] ~= '' then put(field.abandonedAfter, tonumber(ARGV[10])) end
  end
  if group.status == 'running' then
    write_group()
    return reply('started')
  end
else
  if group.parentId and group.status == 'pending' and ARGV[6] ~= 'ready' then return { 'nested', group.parentId, group.parentEntry or '' } end
  if group.messageSet > 0 then return { 'already-started', group.status } end
end
if ended() or group.status == 'stopping' or group.status == 'cancelling' then
  -- The group may be retried later, and then needs its message.
  if by_parent and ARGV[3] ~= '' and group.messageSet == 0 then
    redis.call('HSET', G, field.message, ARGV[3])
    put(field.messageSet, 1)
    write_group()
  end
  return reply('finished')
end
if ARGV[7] ~= '' then redis.call('HSET', G, field.above, ARGV[7]) end
if ARGV[9] ~= '' then redis.call('HSET', G, field.endChannel, ARGV[9]) end
start_group(by_parent)
if ARGV[3] ~= '' and group.messageSet == 0 then
  redis.call('HSET', G, field.message, ARGV[3])
  if ARGV[4] ~= '' then redis.call('HSET', G, field.runOptions, ARGV[4]) end
  put(field.messageSet, 1)
end
if group.messageSet > 0 or group.closed == 1 then sweep() end
return conclude('started')
