-- pending: a group that has not started, and its start.
--- @include "group"
--- @include "kinds"
-- A pending group has only these keys, unless items of it were made ready or cancelled. It has no results.
local function keys_of_pending()
  return group.ready > 0 and { G, S, B, Q, A, L, C, E, T } or { G, S, C }
end

-- Starts a group. A nested group starts only when it gets its slot in its parent.
local function start_group(by_parent)
  if group.status ~= 'pending' or (group.parentId and not by_parent) then return end
  move_to('running')
  local deadline = deadline_after(now)
  if deadline > 0 then put(field.deadline, deadline) end
  put(field.progressAt, now)
  put(field.startedAt, int(now))
  persist(keys_of_pending())
  -- A step was cancelled before the start, so no step runs.
  if is_sequence() and group.cancelled > 0 then move_to('cancelling') end
end

local function keep_pending()
  if group.status ~= 'pending' then return end
  -- A living parent keeps its nested groups without expiry. The time to live is for a group whose parent is lost.
  if group.parentId and redis.call('PTTL', G) == -1 then return end
  let_expire(keys_of_pending(), group.parentId and 2 * group.abandonedAfter or group.abandonedAfter)
end

-- Stores the children that a spec names in its header, if it begins with '@': a swarm that exists already, or the groups of a chain
-- that is still to be created.
local function note_children(entry, spec)
  if string.sub(spec, 1, 1) ~= '@' then return end
  local header = cjson.decode(string.sub(spec, 2, string.find(spec, '\n', 1, true) - 1))
  for i, child in ipairs(header[8]) do note_child(header[7] == 'swarm-ref' and entry or entry .. '.' .. i, child) end
end
