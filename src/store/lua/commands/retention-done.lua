-- retention-done: stores that everything a group refers to was kept from expiring, because its callbacks were fired again after its end.
-- KEYS: 10
-- ARGV: proc, lease
-- Returns {'retained'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "group-ends"
if not read_group() then return { 'missing' } end
unflag('K')
expire_group()
write_group()
return reply('retained')
