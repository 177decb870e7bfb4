-- leases: the lease of a call that changes a group in several steps: it fills the group, or chooses the items of a retry. When the lease
-- is over, the reconciler ends what the call has begun.
--- @include "group"
-- Returns the ms until the lease is over; nil when no call has one, and when it lasts as long as the body of a root.
local function lease_left()
  local is_used = group.closed == 0 or has('R')
  if not is_used or not group.leasedTo or group.leasedUntil == 0 then return nil end
  return math.max(group.leasedUntil, group.waitedUntil) - now
end

local function extend_lease()
  put(field.leasedUntil, now + lease)
end

local function end_lease()
  redis.call('HDEL', G, field.leasedTo, field.leasedUntil, field.waitedUntil)
  group.leasedTo, group.leasedUntil, group.waitedUntil = false, 0, 0
  changed.leasedTo, changed.leasedUntil, changed.waitedUntil = nil, nil, nil
end
