-- adopt: puts a group that nobody has started into another one, or takes it out again.
-- KEYS: 9
-- ARGV: proc, lease, parent's id ('' to take it out of the one that follows), entry in the parent or '', parent that it is taken out of
-- Returns {'adopted'|'missing'|'started', parent that it is in}
--- @include "readiness"
if not read_group() then return { 'missing' } end
if ARGV[3] == '' then
  if g.st ~= 'pending' or g.pg ~= ARGV[5] then return { 'started' } end
  redis.call('HDEL', G, 'pg', 'pe')
  g.pg = false
  keep_pending()
  return { 'adopted' }
end
if g.pg and g.pg ~= ARGV[3] then return { 'started', g.pg } end
if g.st ~= 'pending' then return { g.pg and 'adopted' or 'started', '' } end
put('pg', ARGV[3])
if ARGV[4] ~= '' then put('pe', ARGV[4]) end
keep_pending()
write_group()
return { 'adopted' }
