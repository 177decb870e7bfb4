-- pacing: when the next item of a group may start, by its rate limit and after a BackOffError, and when a process looks at it for that.
--- @include "states"
-- The rate limit; false when the group has none, nil until it is read. Tokens are counted in units, `per` of them for one token, so
-- that all numbers are whole: each millisecond adds `limit` units.
local rate
-- units: in the bucket, negative when attempts owe tokens; at: when they were counted; held: granted items that have a token and have
-- not begun; next_start: when a process looks again (0: nothing waits, -1: not before another item begins); paused_until: end of a pause;
-- idle_since: since when an open swarm that closes by itself has had nothing to do, else 0.
local pace, pace_changed
-- When this process has to look again: the ms from now, and the time by Redis's clock. Nil when it does not have to.
local wake_in
-- A busy group starts several items at once rather than one per wake-up: those of so many milliseconds, if the bucket has room.
local together = 20

local function rate_limit()
  if rate == nil then
    local limit, per, burst = string.match(group.rateLimit or '', '^(%d+) (%d+) (%d+)$')
    rate = limit and { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } or false
  end
  return rate
end

local function read_pace()
  if not pace then
    local units, at, held, next_start, paused_until, idle_since = string.match(group.pacing or '0 0 0 0 0 0', '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
    pace = { units = tonumber(units), at = tonumber(at), held = tonumber(held), next_start = tonumber(next_start), paused_until = tonumber(paused_until), idle_since = tonumber(idle_since) }
  end
  return pace
end

-- Returns how many units fit into the bucket. Items that were granted and have not begun keep their place in it, so that a burst of
-- begins after a delay is never larger than the bucket.
local function capacity()
  return (rate.burst - pace.held) * rate.per
end

-- Adds the units of the time that has passed. A bucket that was never counted is full.
local function refill()
  read_pace()
  pace.units = math.min(capacity(), pace.units + math.max(0, now - pace.at) * rate.limit)
  pace.at = now
  pace_changed = true
end

local function take_token(act)
  refill()
  pace.units = pace.units - rate.per
  pace.held = pace.held + 1
  act.token = '1'
end

-- Frees the place of an item in the bucket.
local function release_token(act)
  if rate_limit() then refill() end
  read_pace().held = pace.held - 1
  pace_changed = true
  act.token = ''
end

local function spend_token(act)
  if act.token == '1' then release_token(act) end
end

-- Returns the token of an item that does not begin.
local function return_token(act)
  if act.token ~= '1' then return end
  release_token(act)
  if rate then pace.units = math.min(capacity(), pace.units + rate.per) end
end

-- A further attempt does not wait for a token: later items do.
local function owe_token()
  if not rate_limit() then return end
  refill()
  pace.units = pace.units - rate.per
end

-- Returns when the next item may start: 0 for now, -1 if that depends on the begin of another one.
local function next_start()
  if not rate_limit() and not group.pacing and not pace then return 0 end
  local at = 0
  read_pace()
  if rate then
    refill()
    if pace.units < rate.per then
      local wanted = math.max(rate.per, math.min(together * rate.limit, capacity() / 2))
      at = capacity() < rate.per and -1 or now + math.ceil((wanted - pace.units) / rate.limit)
    end
  end
  return pace.paused_until > now and math.max(at, pace.paused_until) or at
end

-- Returns when an open swarm in which nothing waits has to be looked at because it closes by itself; 0 when it does not.
local function close_time()
  if group.closeAfterIdleMs == 0 or group.closed == 1 or group.status ~= 'running' then return 0 end
  if read_pace().idle_since > 0 then return pace.idle_since + group.closeAfterIdleMs end
  return pace.paused_until > now and pace.paused_until or 0
end

-- Stores when a process has to look again whether items can start or the group closes, and makes it this process, unless another one looks earlier.
local function plan_next_start(waits)
  read_pace()
  local at = waits and next_start() or close_time()
  if at > 0 then at = math.max(at, now + 1) end
  local planned = pace.next_start
  -- Who looks earlier plans again then. A pause counts at once, so that users see its end.
  local is_earlier = planned > now and planned < at and at ~= pace.paused_until
  if at == planned or is_earlier then return end
  pace.next_start = at
  pace_changed = true
  if at > 0 then wake_in = int(at - now) .. ' ' .. int(at) end
end

-- Items that waited for the begin of another one now wait for a time.
local function plan_after_begin()
  if pace and pace.next_start == -1 then plan_next_start(true) end
end

local function pause_until(at)
  read_pace().paused_until = math.max(pace.paused_until, at)
  pace_changed = true
end

local function write_entries_and_pace()
  write_entries()
  if not pace_changed then return end
  put(field.pacing, table.concat({ int(pace.units), int(pace.at), int(pace.held), int(pace.next_start), int(pace.paused_until), int(pace.idle_since) }, ' '))
  pace_changed = false
end
write_others = write_entries_and_pace
