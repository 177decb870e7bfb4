-- create: writes a new group with its first items.
-- KEYS: 10
-- ARGV: proc, lease, number of fields, field, value, ..., then the specs of the items
-- Returns {'created'|'exists', state, grants, callbacks, closing, withdrawn, position of the task to add next, -1 when the group is complete}
--- @include "creation"
if not write_new() then return as_it_was() end
keep_pending()
write_group()
return { 'created', group_header(0, 0, ''), {}, {}, {}, {}, int(group.buildCursor - 1) }
