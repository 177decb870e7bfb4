-- grant: grants free slots to queued items: the rest of a large grant, slots that a lost process left free, or items whose time has come.
-- KEYS: 10
-- ARGV: proc, lease, time for which this process had planned the call ('' for none)
-- Returns {'granted'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
if has('P') then put_back() end
release_deferred()
-- Its clock may be ahead of that of Redis; then it plans again. It does not when another process has planned since.
if ARGV[3] ~= '' and read_pace().next_start == tonumber(ARGV[3]) then pace.next_start = 0 end
return conclude('granted')
