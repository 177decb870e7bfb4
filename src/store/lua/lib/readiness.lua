-- readiness: makes items ready, in a group that starts or has started.
--- @include "ends"

local function enqueue(from, to)
  redis.call('RPUSH', Q, from == to and int(from) or int(from) .. '-' .. int(to))
end

-- Makes all items of the group ready by moving a cursor, without writing a byte for each item.
local function sweep()
  if g.swp >= g.tot then return end
  enqueue(g.swp, g.tot - 1)
  add('rdy', g.tot - g.swp - g.ird)
  put('ird', 0)
  put('swp', g.tot)
end

-- Puts an item that was passed over while it was suspended individually at the front of the queue.
local function to_front(index)
  mark(index, 'q')
  redis.call('LPUSH', Q, int(index))
end

local function requeue_passed(index)
  -- A stopped group starts nothing more, and an ended group has no queue any more.
  if g.st ~= 'running' then return end
  if redis.call('GETRANGE', B, index, index) == 'h' then to_front(index) end
end

-- Puts all passed-over items back, up to 1,000 per call and the last one first. Nothing is granted until the first one is back,
-- so that their order is kept.
local function put_back()
  -- A stopped group starts nothing more, and an ended group has no queue any more.
  local last, left = g.st == 'running' and tonumber(redis.call('HGET', G, 'pb')) or -1, 1000
  for _ = 1, 50 do
    if last < 0 or left == 0 then break end
    local first = math.max(0, last - 9999)
    local block = redis.call('GETRANGE', B, first, last)
    last = first - 1
    for at in string.gmatch(string.reverse(block), '()h') do
      to_front(first + #block - at)
      left = left - 1
      if left == 0 then
        last = first + #block - at - 1
        break
      end
    end
  end
  if last < 0 then
    unflag('P')
    redis.call('HDEL', G, 'pb')
  else
    redis.call('HSET', G, 'pb', int(last))
  end
end

local function begin_to_put_back()
  flag('P')
  redis.call('HSET', G, 'pb', int(g.tot - 1))
  put_back()
end

local function is_full()
  return g.mi > 0 and g.tot >= g.mi
end

-- Closes the group when it has its maximum of items. This starts nothing.
local function close_when_full()
  if is_full() and g.cl == 0 then put('cl', 1) end
end

local function make_ready(from, to)
  mark_row(from, string.rep('q', to - from + 1), 'queued', 'waiting')
  enqueue(from, to)
  add('rdy', to - from + 1)
  add('ird', to - from + 1)
end
