-- retain: keeps a nested group from expiring while its parent lives. Called by the parent, which afterwards no longer has to do it for this group.
-- KEYS: 9
-- ARGV: proc, lease, what is asked (child: keep this group | retain: keep this group, which was released before | parent: the groups below this one have been kept)
-- Returns {'kept'|'over'|'missing', groups are below (0|1), number of items}
--- @include "group"
if not read_group() then return { 'missing' } end
if ARGV[3] == 'parent' then
  put('hold', 0)
  write_group()
elseif ARGV[3] == 'retain' then
  -- The group has ended again since the caller began to keep it.
  if not g.pg and ended() then return { 'over' } end
  redis.call('HDEL', G, 'rt')
  put('rel', 0)
  put('nch', math.max(g.nch, tonumber(redis.call('HGET', G, 'had') or '0')))
  put('hold', g.nch)
  for i = 1, 9 do redis.call('PERSIST', KEYS[i]) end
  write_group()
elseif g.pg and g.rel == 0 then
  for i = 1, 9 do redis.call('PERSIST', KEYS[i]) end
end
return { 'kept', int(g.nch), int(g.tot) }
