-- readiness: makes items ready, in a group that starts or has started.
--- @include "ends"

local function enqueue(from, to)
  redis.call('RPUSH', Q, from == to and int(from) or int(from) .. '-' .. int(to))
end

-- Makes all items of the group ready by moving a cursor, without writing a byte for each item.
local function sweep()
  if group.sweptTo >= group.total then return end
  enqueue(group.sweptTo, group.total - 1)
  add(field.ready, group.total - group.sweptTo - group.readyAhead)
  put(field.readyAhead, 0)
  put(field.sweptTo, group.total)
end

-- Puts an item that was passed over while it was suspended individually at the front of the queue.
local function to_front(index)
  mark(index, 'q')
  redis.call('LPUSH', Q, int(index))
end

local function requeue_passed(index)
  -- A stopped group starts nothing more, and an ended group has no queue any more.
  if group.status ~= 'running' then return end
  if redis.call('GETRANGE', B, index, index) == 'h' then to_front(index) end
end

-- Puts all passed-over items back, up to 1,000 per call and the last one first. Nothing is granted until the first one is back,
-- so that their order is kept.
local function put_back()
  -- A stopped group starts nothing more, and an ended group has no queue any more.
  local last, left = group.status == 'running' and tonumber(redis.call('HGET', G, field.putBackCursor)) or -1, 1000
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
    redis.call('HDEL', G, field.putBackCursor)
  else
    redis.call('HSET', G, field.putBackCursor, int(last))
  end
end

local function begin_to_put_back()
  flag('P')
  redis.call('HSET', G, field.putBackCursor, int(group.total - 1))
  put_back()
end

local function is_full()
  return group.maxItems > 0 and group.total >= group.maxItems
end

-- Closes the group when it has its maximum of items. This starts nothing.
local function close_when_full()
  if is_full() and group.closed == 0 then put(field.closed, 1) end
end

local function make_ready(from, to)
  mark_row(from, string.rep('q', to - from + 1), 'queued', 'waiting')
  enqueue(from, to)
  add(field.ready, to - from + 1)
  add(field.readyAhead, to - from + 1)
end
