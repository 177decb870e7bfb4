-- cancel: nothing of a group starts any more; what runs is for the caller to cancel in the engine.
-- KEYS: 9
-- ARGV: proc, lease, who cancels it (user: this very group | parent: the one that it sits in | stop: the one that it sits in, if it was never started)
-- Returns {'cancelled'|'ended'|'missing', status, grants, callbacks, more, message version, total, expiring, closing, children}
--- @include "readiness"
if not read_group() then return { 'missing' } end
if ended() then return reply('ended') end
if g.st == 'pending' then
  end_group('cancelled', ARGV[3] == 'user')
elseif ARGV[3] ~= 'stop' then
  put('st', 'cancelling')
  put('cl', 1)
end
return done('cancelled')
