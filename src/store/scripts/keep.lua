-- keep: a group that sits in a living one doesn't expire. Said by its parent, whose turn to say it is then over for it.
-- KEYS: 9
-- ARGV: proc, lease, what is asked (child: keep this one | parent: the groups below have been kept)
-- Returns {'kept'|'missing', groups below (0|1)}
--- @include "group"
if not read_group() then return { 'missing' } end
if ARGV[3] == 'parent' then
  put('hold', 0)
  write_group()
elseif g.pg and g.rel == 0 then
  for i = 1, 9 do redis.call('PERSIST', KEYS[i]) end
end
return { 'kept', int(g.nch) }
