-- grants: handing free slots to queued items, in the order in which they became ready.
--- @include "states"
local grants, callbacks, expiring, closing = {}, {}, 0, {}
local batch = 1000

local function grant(entry)
  write_active(entry, { state = 'granted', proc = proc, throws = '0', counted = '-1', pubs = '1' }, now + lease)
end

-- The first index of a queue element that is still to be started; the rest were started by an earlier element.
local function next_startable(from, to)
  while from <= to do
    local last = math.min(to, from + 1023)
    local block = redis.call('GETRANGE', B, from, last)
    local hit = string.find(block, '[%zq]')
    if hit then return from + hit - 1 end
    if #block < last - from + 1 then return from + #block end
    from = last + 1
  end
  return nil
end

local function take_slots()
  while g.st == 'running' and g.sl < g.mc and #grants < batch do
    local head = redis.call('LINDEX', Q, 0)
    if not head then return end
    local dash = string.find(head, '-', 1, true)
    local from = tonumber(dash and string.sub(head, 1, dash - 1) or head)
    local to = tonumber(dash and string.sub(head, dash + 1) or head)
    local index = next_startable(from, to)
    if index and index < to then
      redis.call('LSET', Q, 0, int(index + 1) .. '-' .. int(to))
    else
      redis.call('LPOP', Q)
    end
    if index then
      local entry = int(index)
      redis.call('SETRANGE', B, index, 'a')
      grant(entry)
      add('sl', 1)
      local spec = redis.call('HMGET', S, entry, 'm' .. entry)
      grants[#grants + 1] = { entry, spec[1], spec[2] or '' }
    end
  end
end

local function more_to_take()
  if g.st == 'running' and g.sl < g.mc and redis.call('EXISTS', Q) == 1 then return 1 end
  return 0
end

-- Every callback of a list becomes an entry of its own, stored by value; which of them is published is leased work.
local function fire(list, kind, source)
  for _, spec in ipairs(list) do
    local entry = 'c' .. int(g.cbn)
    local value = kind .. ' ' .. source .. '\n' .. spec
    add('cbn', 1)
    redis.call('HSET', C, entry, value)
    grant(entry)
    callbacks[#callbacks + 1] = { entry, value }
  end
end

-- The end of a group is its parent's to hear of; that somebody tells it is leased work like a publication.
local function tell_parent()
  if not g.pg then return end
  grant('p')
  callbacks[#callbacks + 1] = { 'p', '' }
end

-- What a publishing process needs: the grants, the fired callbacks, whether to ask for more, whether it expires,
-- the children's group of a root whose body has ended, and whether its groups below are to hear
-- of what has become of it.
local function reply(code)
  return { code, g.st, grants, callbacks, more_to_take(), int(g.mv), int(g.tot), expiring, closing, changed.st and int(g.nch) or '0' }
end
