-- slots: grants free slots to queued items, in the order in which they became ready.
--- @include "suspension"
-- Three values for each granted item: its entry, its spec, its own message.
local grants = {}
local batch = 1000
-- The number of queue elements, blocks and items that a script may still inspect without granting them. It bounds how long Redis is blocked.
local looks = 1000
-- Bytes granted so far and their maximum: each megabyte in a reply blocks Redis for some milliseconds.
local handed, most_bytes = 0, 4 * 1024 * 1024

local function is_enough(number)
  return number >= batch or handed >= most_bytes
end

-- Adds granted items to the reply. The caller publishes them.
local function hand_out(taken)
  if #taken == 0 then return end
  local fields = {}
  for _, entry in ipairs(taken) do fields[#fields + 1], fields[#fields + 2] = entry, spec_field.ownMessage .. entry end
  local specs = redis.call('HMGET', S, unpack(fields))
  for i, entry in ipairs(taken) do
    local n = #grants
    grants[n + 1], grants[n + 2], grants[n + 3] = entry, specs[2 * i - 1] or '', specs[2 * i] or ''
  end
end

-- The block of state bytes that next_startable inspects, and the index of its first byte.
local block, block_from

-- Returns the first index of a queue element that can be started; an earlier element may have started the others. If none was found
-- before the limit of looks, returns nil and the index at which another call has to continue.
local function next_startable(from, to)
  while from <= to do
    if looks <= 0 then return nil, from end
    if not block or from < block_from or from >= block_from + 1024 then
      block, block_from = redis.call('GETRANGE', B, from, from + 1023), from
      looks = looks - 1
    end
    local hit = string.find(block, '[%zq]', from - block_from + 1)
    -- Bytes after the end of the string were never written: such items are still to be started.
    local startable = hit or #block < 1024
    local index = hit and block_from + hit - 1 or startable and math.max(from, block_from + #block) or block_from + 1024
    if index > to then return nil end
    if startable and not marked[index] then return index end
    from = startable and index + 1 or index
  end
  return nil
end

local function has_free_slot()
  return group.status == 'running' and group.running < group.maxConcurrency and not has('S') and not has('R') and not has('P')
end

local function can_start()
  return has_free_slot() and next_start() == 0
end

local function take_slots()
  -- next_startable reads the stored bytes, so items that were put back must be written first.
  write_entries()
  block = nil
  local taken, stopped = {}, false
  while can_start() and not is_enough(#taken) and not stopped and looks > 0 do
    local head = redis.call('LINDEX', Q, 0)
    if not head then break end
    looks = looks - 1
    local dash = string.find(head, '-', 1, true)
    local from = tonumber(dash and string.sub(head, 1, dash - 1) or head)
    local to = tonumber(dash and string.sub(head, dash + 1) or head)
    local index, rest = next_startable(from, to)
    while index and can_start() and not is_enough(#taken) do
      local entry = int(index)
      if suspended_alone(entry) then
        -- A chain stops in front of a suspended step.
        stopped = is_sequence()
        if stopped then break end
        mark(index, 'h')
        looks = looks - 1
      else
        activate(entry, 'queued', 'granted', now + lease)
        if rate then take_token(acts[entry]) end
        mark(index, 'a')
        add(field.running, 1)
        taken[#taken + 1] = entry
        if has('B') then handed = handed + redis.call('HSTRLEN', S, entry) + redis.call('HSTRLEN', S, spec_field.ownMessage .. entry) end
      end
      index, rest = next_startable(index + 1, to)
    end
    index = index or rest
    if not index then
      redis.call('LPOP', Q)
    elseif index > from then
      redis.call('LSET', Q, 0, int(index) .. '-' .. int(to))
    end
  end
  hand_out(taken)
  if rate or group.pacing or pace then plan_next_start(has_free_slot() and redis.call('EXISTS', Q) == 1) end
end

local function more_to_take()
  if has('P') and not ended() then return 1 end
  if can_start() and redis.call('EXISTS', Q) == 1 then return 1 end
  return 0
end
