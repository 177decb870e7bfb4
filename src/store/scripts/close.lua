-- close: no item can be added any more; on a started group the rest becomes ready.
-- KEYS: 9
-- ARGV: proc, lease
-- Returns {'closed'|'missing', status, grants, callbacks, more, message version, total, expiring, closing, children}
--- @include "readiness"
if not read_group() then return { 'missing' } end
if g.cl == 1 then return reply('closed') end
put('cl', 1)
if g.st == 'running' then sweep() end
return done('closed')
