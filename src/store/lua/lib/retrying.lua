-- retrying: prepares the items of a group that is retried. Each call prepares a part of them.
--- @include "readiness"
--- @include "leases"
local items_at_once = 10000

-- Returns whether a call chooses the items of the retry. A lease without an end belongs to the body of a root, which fills the group.
local function is_choosing()
  return group.leasedTo and group.leasedUntil > 0
end

-- Makes the next items ready that did not succeed. Returns the index after the last one.
local function prepare_all(cursor)
  local block = redis.call('GETRANGE', B, cursor, cursor + items_at_once - 1)
  local startable = string.gsub(block, '[fxh]', 'q')
  if startable ~= block then mark_row(cursor, startable, 'queued', 'failed', 'cancelled') end
  return cursor + items_at_once
end

-- Makes those of the next items ready that have a 'q' at their place in `chosen`. The others stay as they ended, and those that never
-- started are cancelled. Returns the index after the last one.
local function prepare_chosen(cursor, number, chosen)
  local to = math.min(cursor + number, group.total)
  local block = redis.call('GETRANGE', B, cursor, to - 1)
  local row, picked, never_started = {}, 0, {}
  for i = 1, to - cursor do
    local byte = string.sub(block, i, i)
    if byte ~= 's' and string.sub(chosen, i, i) == 'q' then
      byte, picked = 'q', picked + 1
    elseif byte == 'f' then
      note_failure(int(cursor + i - 1))
    elseif byte ~= 's' then
      if byte ~= 'x' then never_started[#never_started + 1] = int(cursor + i - 1) end
      byte = 'x'
      add(field.cancelled, 1)
    end
    row[i] = byte
  end
  if #never_started > 0 then check_move(never_started[1], 'queued', 'cancelled') end
  local decided = table.concat(row)
  if decided ~= block then mark_row(cursor, decided, 'queued', 'failed', 'cancelled') end
  write_all('RPUSH', E, never_started)
  for _, entry in ipairs(never_started) do note_end(entry) end
  write_times()
  redis.call('HINCRBY', G, field.retryCount, picked)
  return to
end
