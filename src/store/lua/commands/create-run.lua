-- create-run: writes a new group with its first items, and starts it.
-- KEYS: 10
-- ARGV: the same as for create
-- Returns the same as create
--- @include "readiness"
--- @include "creation"
if not write_new() then return as_it_was() end
start_group(true)
sweep()
local answer = conclude('created')
answer[7] = int(group.buildCursor - 1)
return answer
