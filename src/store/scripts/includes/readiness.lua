-- readiness: making items ready, of a group that starts or has started.
--- @include "ends"
--- @include "pending"

local function enqueue(from, to)
  redis.call('RPUSH', Q, from == to and int(from) or int(from) .. '-' .. int(to))
end

-- Makes every item ready that the group holds: a cursor says so, no item is touched.
local function sweep()
  if g.swp >= g.tot then return end
  enqueue(g.swp, g.tot - 1)
  add('rdy', g.tot - g.swp - g.ird)
  put('ird', 0)
  put('swp', g.tot)
end

-- Puts items back that were passed over while they were suspended by themselves: the last one first, as each goes to the front.
local function requeue_passed(from, to)
  -- What has stopped starts nothing, and what has ended has no queue any more.
  if g.st ~= 'running' then return end
  for block_from = from + math.floor((to - from) / 10000) * 10000, from, -10000 do
    local block = redis.call('GETRANGE', B, block_from, math.min(to, block_from + 9999))
    for at in string.gmatch(string.reverse(block), '()h') do
      local index = block_from + #block - at
      mark(index, 'q')
      redis.call('LPUSH', Q, int(index))
    end
  end
end

local function make_ready(from, to)
  mark_row(from, string.rep('q', to - from + 1), 'queued', 'waiting')
  enqueue(from, to)
  add('rdy', to - from + 1)
  add('ird', to - from + 1)
end

local function done(code)
  local answer = settle_group(code)
  -- All that it has is there now.
  keep_pending()
  return answer
end
