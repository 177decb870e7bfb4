-- group: the state of one group. Every script that changes a group reads the state once and writes it back once.
--
-- KEYS of every group script, in this order (they share one hash tag, so they are in one slot of a Redis Cluster):
--   G state of the group, S specs and own messages, B one state byte per item, Q ready queue,
--   A active entries, L leases by due time, C callbacks, E log of ends, R results of one bucket, T times of ended entries
local G, S, B, Q, A, L, C, E, R, T = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local proc, lease = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Code names the fields of hashes by their names in src/store/schema.json, which explains them. scripts/embed-lua.mjs replaces the
-- names by the stored ones: `field.status` by the text 'st', and `group.status` by `group.st`. So the names cost nothing at run time.
-- `field` names a field of G, `spec_field` one of S and `callback_field` one of C. The fields before the empty one are texts, the
-- fields after it numbers. A script reads only the fields that it mentions.
--- @used
local names = {
  field.status, field.keepResults, field.kind, field.parentId, field.parentEntry, field.stopAfterFailureRatio, field.onStop, field.flags,
  field.rateLimit, field.pacing, field.recentTimes,
  field.leasedTo,
  '',
  field.progressAt, field.closed, field.maxConcurrency, field.stopAfterNFailures, field.maxItems, field.closeAfterIdleMs, field.total, field.ready, field.sweptTo,
  field.readyAhead, field.running, field.succeeded, field.failed, field.cancelled, field.callbackSeq, field.callbacksSucceeded,
  field.callbacksFailed, field.callbacksRepeated, field.resultBytes, field.watchUntil, field.messageSet, field.retention,
  field.abandonedAfter, field.grace, field.buildCursor, field.nested, field.retainChildren, field.released, field.createdAt, field.round,
  field.failuresKept, field.leasedUntil, field.waitedUntil,
}
-- The state of the group, and what of it the script has changed.
local group, changed = {}, {}

-- Returns a whole number as a text. '%d' takes a third of the time of '%.0f'.
local function int(n)
  return string.format('%d', n)
end

-- Returns all keys of a group, with one bucket of its results.
local function all_keys()
  return { G, S, B, Q, A, L, C, E, R, T }
end

local function persist(keys)
  for _, key in ipairs(keys) do redis.call('PERSIST', key) end
end

local function let_expire(keys, ms)
  for _, key in ipairs(keys) do redis.call('PEXPIRE', key, int(ms)) end
end

-- Writes all values with as few commands as possible: a call from a script often costs more than the work that Redis does for it.
local function write_all(command, key, values)
  for from = 1, #values, 4000 do redis.call(command, key, unpack(values, from, math.min(from + 3999, #values))) end
end

local function set_group(values)
  local numbers = false
  for i, name in ipairs(names) do
    if name == '' then numbers = true end
    group[name] = numbers and (tonumber(values[i]) or 0) or values[i]
  end
end

local function read_group()
  local values = redis.call('HMGET', G, unpack(names))
  if not values[1] then return false end
  set_group(values)
  -- The expression mentions the status, so every script reads this field. It shows whether the group exists.
  return group.status ~= nil
end

local function has(letter)
  return group.flags and string.find(group.flags, letter, 1, true) ~= nil
end

local function put(name, value)
  group[name] = value
  changed[name] = true
end

local function add(name, n)
  put(name, group[name] + n)
end

local function flag(letter)
  if not has(letter) then put(field.flags, (group.flags or '') .. letter) end
end

local function unflag(letter)
  if has(letter) then put(field.flags, (string.gsub(group.flags, letter, ''))) end
end

-- Set by a library that buffers changes of its own, so that write_group writes them too.
local write_others

local function write_group()
  if write_others then write_others() end
  local args = {}
  -- The time of progress is coarse, so that most calls need not write the field.
  if next(changed) and now - group.progressAt > group.abandonedAfter / 50 then put(field.progressAt, now) end
  for name in pairs(changed) do
    args[#args + 1] = name
    args[#args + 1] = type(group[name]) == 'number' and int(group[name]) or group[name]
  end
  if #args > 0 then redis.call('HSET', G, unpack(args)) end
end

-- Items up to this size, in bytes, can be granted a thousand at a time in one script without counting their bytes.
local few_bytes = 4096

local function note_bytes(bytes)
  if bytes > few_bytes then flag('B') end
end

-- Makes the groups below follow a suspend or resume of this group or its entries.
local function propagate_suspension()
  redis.call('HINCRBY', G, field.suspensionEpoch, 1)
  flag('W')
end

-- Stores a group as a child of this one. It is kept, cancelled and deleted together with this group.
local function note_child(entry, child)
  if redis.call('HSETNX', C, callback_field.childGroup .. entry, child) == 1 then
    put(field.nested, 1)
    put(field.retainChildren, 1)
    if has('S') or has('E') then propagate_suspension() end
  end
end

-- Returns the end of the time limit, counted from a start of the group; 0 when it has none.
local function deadline_after(started)
  local limit = tonumber(redis.call('HGET', G, field.timeoutMs) or '0')
  return limit > 0 and started + limit or 0
end

-- The transition table of a group, and the only definition of it.
local group_moves = {
  pending = 'running cancelled',
  running = 'stopping cancelling succeeded failed cancelled',
  stopping = 'cancelling failed',
  cancelling = 'failed cancelled',
  succeeded = 'running',
  failed = 'running',
  cancelled = 'running',
}

local function move_to(status)
  if not string.find(' ' .. group_moves[group.status] .. ' ', ' ' .. status .. ' ', 1, true) then
    error('mageflow: a group that is ' .. group.status .. ' cannot become ' .. status)
  end
  put(field.status, status)
end

local function ended()
  return group.status == 'succeeded' or group.status == 'failed' or group.status == 'cancelled'
end

-- A version of the properties that publishers cache. It changes when a key is used for a new group, when the message or the parent
-- is set, and with each retry.
local function version()
  return int(group.createdAt) .. '.' .. int(group.messageSet) .. '.' .. int(group.round) .. (group.parentId and 'n' or '')
end

-- A version of the message of the group, which a key that is used for a new group and a retry can change.
local function message_version()
  return int(group.createdAt) .. (group.messageSet > 1 and '.' .. int(group.messageSet) or '')
end

-- The state of the group as one text of fields, because each value of a reply has a cost: its status, whether another call should
-- grant more, its version and number of items, whether it expires, whether its new status has to reach groups below, the ms until its
-- deadline if that is new, whether it is suspended, and the outcome of the entry. When the status is new, a second line holds its kind and name.
-- In front of it stand, between two '@', the ms after which the caller has to call `grant`, and that time, if it has to.
local function group_header(more, expiring, entry_outcome, wake_after)
  local left = changed.deadline and group.deadline > 0 and int(group.deadline - now) or ''
  local fields = { group.status, more, version(), int(group.total), expiring, changed.status and int(group.nested) or 0, left, has('S') and 1 or 0, entry_outcome }
  local state = table.concat(fields, '|')
  if changed.status then state = state .. '\n' .. group.kind .. ' ' .. (redis.call('HGET', G, field.name) or '') end
  return wake_after and '@' .. wake_after .. '@' .. state or state
end
