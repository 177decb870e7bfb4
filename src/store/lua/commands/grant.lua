-- grant: grants free slots to queued items: the rest of a large grant, slots that a lost process left free, or items whose time has come.
-- KEYS: 10
-- ARGV: proc, lease, whether this process had planned to look at this time (0|1)
-- Returns {'granted'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
if has('P') then put_back() end
release_deferred()
-- Its clock may be ahead of that of Redis; then it plans again.
if ARGV[3] == '1' then read_pace().next_start = 0 end
return conclude('granted')
