-- confirm: the engine took these publications; they are to be asked for from now on, not published again.
-- KEYS: 9
-- ARGV: proc, lease, then for each its entry|run id
-- Returns {'confirmed', state, grants, ...} | {'missing'}
--- @include "confirms"
if not read_group() then return { 'missing' } end
confirm_from(3)
write_group()
return reply('confirmed')
