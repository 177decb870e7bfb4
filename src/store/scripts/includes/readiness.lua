-- readiness: making items ready, and starting the group with the first of them.
--- @include "ends"
local function start_group()
  if g.st ~= 'pending' then return end
  put('st', 'running')
  put('sa', int(now))
  for i = 1, 9 do redis.call('PERSIST', KEYS[i]) end
end

local function keep_pending()
  if g.st ~= 'pending' then return end
  for i = 1, 9 do redis.call('PEXPIRE', KEYS[i], int(g.ttl)) end
end

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

local function make_ready(from, to)
  redis.call('SETRANGE', B, from, string.rep('q', to - from + 1))
  enqueue(from, to)
  add('rdy', to - from + 1)
  add('ird', to - from + 1)
end

local function done(code)
  end_group_if_done()
  take_slots()
  expire_group()
  keep_pending()
  write_group()
  return reply(code)
end
