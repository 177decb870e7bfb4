-- suspension: what is suspended, an entry by itself or with its group, and runs that count no more.
--- @include "states"
local function suspended_alone(entry)
  if not has('E') then return false end
  local version = redis.call('HGET', C, 's:' .. entry)
  -- What is said of the whole group later counts for each entry.
  return version and tonumber(version) > tonumber(redis.call('HGET', G, 'sv') or '0')
end

local function suspended(entry)
  return has('S') or suspended_alone(entry)
end

-- Each word is newer than the one before, on this group and (by Redis's time) on those above it.
local function next_version(last)
  return math.max(time[1] * 1000000 + time[2], math.abs(tonumber(last or '0')) + 1)
end

local function is_void(entry, run)
  if not has('V') or run == '' then return false end
  local runs = redis.call('HGET', C, 'w:' .. entry)
  return runs and string.find(' ' .. runs .. ' ', ' ' .. run .. ' ', 1, true) ~= nil
end

local function make_void(entry, run)
  local runs = redis.call('HGET', C, 'w:' .. entry)
  redis.call('HSET', C, 'w:' .. entry, runs and runs .. ' ' .. run or run)
  flag('V')
end

-- Whether an entry's run may be taken back when what it belongs to is suspended: no body has begun in it.
local function can_take_back(entry, act)
  return tonumber(entry) and act.state ~= 'running' and may(act.state, 'queued') and string.sub(act.run, 1, 2) ~= 'g:' and suspended(entry)
end

-- Puts an item that no body has begun for back to the front of the queue.
local function take_back(entry, act)
  if act.run ~= '' then make_void(entry, act.run) end
  if has('U') then redis.call('HDEL', C, 'u:' .. entry) end
  remove_active(entry)
  add('sl', -1)
  if g.k ~= 'chain' and suspended_alone(entry) then
    mark(entry, 'h', act.state, 'queued')
  else
    mark(entry, 'q', act.state, 'queued')
    redis.call('LPUSH', Q, entry)
  end
end

-- Whether nothing runs in a group and nothing has happened in it for the time after which it counts as abandoned.
local function idle()
  -- A root's body that still adds to its children is at work.
  if (g.k == 'root' and g.cl == 0) or now - g.pr < g.ttl * 1.02 then return false end
  local active = redis.call('HLEN', A)
  return active == 0 or active == redis.call('ZCOUNT', L, 'inf', 'inf')
end
