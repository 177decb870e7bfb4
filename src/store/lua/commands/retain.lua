-- retain: keeps a nested group from expiring while its parent lives. Called by the parent, which afterwards no longer has to do it for this group.
-- KEYS: 10
-- ARGV: proc, lease, what is asked (child: keep this group | retain: keep this group, which was released before | parent: the groups below this one have been kept)
-- Returns {'kept'|'over'|'missing', groups are below (0|1), number of items}
--- @include "group"
if not read_group() then return { 'missing' } end
if ARGV[3] == 'parent' then
  put(field.retainChildren, 0)
  write_group()
elseif ARGV[3] == 'retain' then
  -- The group has ended again since the caller began to keep it.
  if not group.parentId and ended() then return { 'over' } end
  redis.call('HDEL', G, field.expiresAt)
  put(field.released, 0)
  put(field.nested, math.max(group.nested, tonumber(redis.call('HGET', G, field.hadNested) or '0')))
  put(field.retainChildren, group.nested)
  persist(all_keys())
  write_group()
elseif group.parentId and group.released == 0 then
  persist(all_keys())
end
return { 'kept', int(group.nested), int(group.total) }
