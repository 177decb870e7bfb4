-- grant: grants free slots to queued items: the rest of a large grant, or slots that a lost process left free.
-- KEYS: 9
-- ARGV: proc, lease
-- Returns {'granted'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
if has('P') then put_back() end
release_deferred()
return conclude('granted')
