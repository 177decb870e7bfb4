-- adopt: puts a group that was not started into another one, or takes it out again.
-- KEYS: 10
-- ARGV: proc, lease, parent's id ('' to take the group out), entry in the parent or '', parent that it is taken out of, the parent's name, whether it is taken out even if it has an entry there (0|1)
-- Returns {'adopted'|'already-member'|'missing'|'started', parent that it is in or '', name of that parent or ''}; 'already-member' when it was in the given parent before
--- @include "readiness"
if not read_group() then return { 'missing' } end
if ARGV[3] == '' then
  local placed = group.parentEntry and ARGV[7] ~= '1'
  if group.status ~= 'pending' or group.parentId ~= ARGV[5] or placed then return { 'started' } end
  redis.call('HDEL', G, field.parentId, field.parentEntry, field.parentName)
  group.parentId = false
  keep_pending()
  return { 'adopted' }
end
if group.parentId and group.parentId ~= ARGV[3] then return { 'started', group.parentId, redis.call('HGET', G, field.parentName) or '' } end
if group.status ~= 'pending' then return { group.parentId and 'already-member' or 'started', '', '' } end
local is_member = group.parentId and ARGV[4] == ''
put(field.parentId, ARGV[3])
redis.call('HSET', G, field.parentName, ARGV[6])
if ARGV[4] ~= '' then put(field.parentEntry, ARGV[4]) end
keep_pending()
write_group()
return { is_member and 'already-member' or 'adopted', '', '' }
