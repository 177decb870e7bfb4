-- run: starts a group with a message: all its items become ready.
-- KEYS: 9
-- ARGV: proc, lease, message, run options for items as JSON or ''
-- Returns {'started'|'missing'|'again'|'finished', status, grants, callbacks, more, message version, total, expiring}
--- @include "readiness"
if not read_group() then return { 'missing' } end
if g.mv > 0 then return { 'again', g.st } end
if ended() or g.st == 'stopping' or g.st == 'cancelling' then return { 'finished', g.st } end
redis.call('HSET', G, 'msg', ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', G, 'ropt', ARGV[4]) end
put('mv', 1)
start_group()
sweep()
return done('started')
