-- extend-lease: extends the lease of a call that changes a group in several steps.
-- KEYS: 10
-- ARGV: proc, lease, name of the caller's lease
-- Returns 1 | 0 when the caller has it no longer
--- @include "leases"
if not read_group() or group.leasedTo ~= ARGV[3] or not lease_left() then return 0 end
extend_lease()
write_group()
return 1
