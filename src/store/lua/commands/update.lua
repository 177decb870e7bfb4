-- update: changes how a group runs its items; what is '' stays. Takes effect at once.
-- KEYS: 9
-- ARGV: proc, lease, concurrency, limit of failures (0 for none), ratio of failures (- for none), time limit in ms (0 for none)
-- Returns {'updated'|'finished'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
if ended() or g.st == 'stopping' or g.st == 'cancelling' then return reply('finished') end
if ARGV[3] ~= '' then put('mc', tonumber(ARGV[3])) end
if ARGV[4] ~= '' then put('sn', tonumber(ARGV[4])) end
if ARGV[5] ~= '' then put('fr', ARGV[5]) end
if ARGV[6] ~= '' then
  put('tmo', tonumber(ARGV[6]))
  if g.st == 'running' then put('dl', g.tmo > 0 and tonumber(redis.call('HGET', G, 'sa')) + g.tmo or 0) end
end
stop_at_limit()
return conclude('updated')
