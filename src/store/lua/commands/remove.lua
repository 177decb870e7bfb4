-- remove: deletes a group that has ended or was never started. Its callbacks hash stays for the caller, who first removes the groups below that it names.
-- KEYS: 10
-- ARGV: proc, lease, caller (user: a user removes this very group | parent: its parent is removed)
-- Returns {'removed', total} | {'missing'} | {'started'} | {'nested', parent's id}
--- @include "group"
if not read_group() then return { 'missing' } end
if ARGV[3] == 'user' then
  if group.parentId then return { 'nested', group.parentId } end
  if group.status ~= 'pending' and (not ended() or redis.call('HLEN', A) > 0) then return { 'started' } end
end
redis.call('UNLINK', G, S, B, Q, A, L, E, T)
redis.call('HSET', C, callback_field.total, int(group.total))
redis.call('PEXPIRE', C, int(group.abandonedAfter))
return { 'removed', int(group.total) }
