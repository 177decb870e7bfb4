-- group-ends: the end of a group, and how long it is kept from then on.
--- @include "grants"
-- What sits in another group is forgotten together with that one. With groups below it, upkeep lets it expire after those.
local function expire_group()
  if not ended() or redis.call('HLEN', A) > 0 then return end
  if g.pg and g.rel == 0 then return end
  put('rt', int(now + g.ret))
  if g.nch > 0 then return end
  for i = 1, 9 do redis.call('PEXPIRE', KEYS[i], int(g.ret + g.grace)) end
  expiring = 1
end

local function end_group(outcome, with_callbacks)
  move_to(outcome)
  unflag('S')
  put('cl', 1)
  put('en', int(now))
  if g.k ~= 'task' and with_callbacks then
    local list = redis.call('HGET', G, outcome == 'succeeded' and 'cs' or 'ce')
    if list then fire(cjson.decode(list), outcome == 'succeeded' and 'success' or 'error', 'g') end
  end
  tell_parent()
  redis.call('UNLINK', Q)
  redis.call('PUBLISH', G, 'end')
  -- Who started it waits for it without a subscription of its own.
  local starter = redis.call('HGET', G, 'hd')
  if starter then redis.call('PUBLISH', starter, g.st .. ' ' .. int(g.tot) .. ' ' .. G) end
end

local function end_group_if_done()
  if g.sl > 0 or ended() or g.st == 'pending' or has('S') or has('R') then return end
  -- A root's body may go on adding to a group that has stopped: what it adds is cancelled at once.
  if g.k == 'root' and g.cl == 0 then return end
  if g.st == 'running' and not (g.cl == 1 and g.ok + g.ko + g.cx == g.tot) then return end
  local timed_out = g.st == 'cancelling' and redis.call('HGET', G, 'why') == 'timeout'
  local outcome = g.st == 'running' and 'succeeded' or (g.st == 'stopping' or timed_out) and 'failed' or 'cancelled'
  if g.k == 'task' then outcome = g.ko > 0 and 'failed' or g.cx > 0 and 'cancelled' or 'succeeded' end
  end_group(outcome, true)
end
