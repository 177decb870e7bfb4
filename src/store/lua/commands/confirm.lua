-- confirm: stores publications that the engine has accepted. From now on the reconciler asks the engine for these runs instead of publishing them again.
-- KEYS: 10
-- ARGV: proc, lease, then for each publication its entry|run id
-- Returns {'confirmed', state, grants, ...} | {'missing'}
--- @include "confirms"
if not read_group() then return { 'missing' } end
confirm_from(3)
write_group()
return reply('confirmed')
