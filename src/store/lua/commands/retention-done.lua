-- retention-done: what a group refers to has been kept from expiring, as callbacks of it were fired anew after its end.
-- KEYS: 9
-- ARGV: proc, lease
-- Returns {'retained'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "group-ends"
if not read_group() then return { 'missing' } end
unflag('K')
expire_group()
write_group()
return reply('retained')
