-- create: writes a new group with its first items.
-- KEYS: 9
-- ARGV: proc, lease, number of fields, field, value, ..., then the specs of the items
-- Returns {'created'|'exists', state, grants, callbacks, closing, withdrawn, place in the tasks that it is still being made of, -1 when it is whole}
--- @include "creation"
if not write_new() then return as_it_was() end
keep_pending()
write_group()
return { 'created', group_header(0, 0, ''), {}, {}, {}, {}, int(g.bld - 1) }
