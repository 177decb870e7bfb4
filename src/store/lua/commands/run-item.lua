-- run-item: makes one item ready with its own message, and starts the group if it is still pending.
-- KEYS: 10
-- ARGV: proc, lease, index, message
-- Returns {'started'|'missing'|'already-started'|'finished', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
local state = state_of(ARGV[3], read_active(ARGV[3]))
if state == 'unknown' then return { 'missing' } end
if state ~= 'waiting' then return { 'already-started', group.status } end
if ended() or group.status == 'stopping' or group.status == 'cancelling' then return { 'finished', group.status } end
if ARGV[4] ~= '{}' then redis.call('HSET', S, spec_field.ownMessage .. ARGV[3], ARGV[4]) end
note_bytes(#ARGV[4])
start_group()
make_ready(tonumber(ARGV[3]), tonumber(ARGV[3]))
return conclude('started')
