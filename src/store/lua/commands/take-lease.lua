-- take-lease: takes the lease of a call that fills a group, unless nothing can be added any more or another call has the lease.
-- KEYS: 10
-- ARGV: proc, lease, name of the caller's lease, whether the lease is over unless it is extended (1) or lasts as long as the body of a root (0)
-- Returns {'leased'|'closed'|'missing'} | {'waits', ms until the lease of another call is over}
--- @include "leases"
if not read_group() then return { 'missing' } end
-- A group that its first items have filled is closed already, and has yet to be started.
if group.closed == 1 and group.status ~= 'pending' then return { 'closed' } end
if group.leasedTo and group.leasedTo ~= ARGV[3] and now < group.leasedUntil then
  -- The reconciler leaves the group to the caller, which takes the lease when it is over.
  put(field.waitedUntil, now + lease)
  write_group()
  return { 'waits', int(group.leasedUntil - now) }
end
put(field.leasedTo, ARGV[3])
put(field.leasedUntil, ARGV[4] == '1' and now + lease or 0)
write_group()
return { 'leased' }
