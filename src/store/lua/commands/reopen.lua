-- reopen: makes an ended root wait for its children again, because they are retried.
-- KEYS: 10
-- ARGV: proc, lease, entry, the group of its children, the round in which they are retried
-- Returns {'reopened'|'nested'|'unfinished'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "grants"
--- @include "times"
if not read_group() then return { 'missing' } end
local entry = ARGV[3]
if group.parentId or not is_single() then return reply('nested') end
if not ended() or read_active(entry) then return reply('unfinished') end
-- Each round reopens the root once, even if the call is repeated.
if group.round >= tonumber(ARGV[5]) then return reply('unfinished') end
put(field.round, tonumber(ARGV[5]))
local counts = { succeeded = field.succeeded, failed = field.failed, cancelled = field.cancelled }
local state = state_of(entry)
add(counts[state], -1)
if state == 'succeeded' then add(field.resultBytes, 1 - #(redis.call('HGET', R, entry) or 's')) end
add(field.running, 1)
move_to('running')
redis.call('HDEL', G, field.expiresAt, field.endedAt, field.cancelledBy)
activate(entry, state, 'returned', now + lease, ARGV[4])
-- The times of an item are those of its latest round.
note_begin(read_active(entry))
mark(entry, 'a')
redis.call('DEL', E)
persist(all_keys())
put(field.nested, 1)
write_group()
-- The children may have ended meanwhile without notifying this group, so the caller checks them.
closing = { entry, ARGV[4] }
return reply('reopened')
