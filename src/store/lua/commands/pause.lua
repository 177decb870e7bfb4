-- pause: starts nothing of a group for a while, because an item in a group below it asked for that. Of several pauses the latest end counts.
-- KEYS: 10
-- ARGV: proc, lease, length of the pause in ms
-- Returns {'paused'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
if not ended() then pause_until(now + tonumber(ARGV[3])) end
return conclude('paused')
