-- grants: what a script hands out for publication, and what it says.
--- @include "slots"
local callbacks, expiring, closing, withdrawn, more_held, ended_as = {}, 0, {}, {}, false, ''

-- Every callback of a list becomes an entry of its own, stored by value; which of them is published is leased work.
local function fire(list, kind, source)
  for _, spec in ipairs(list) do
    local entry = 'c' .. int(g.cbn)
    local value = kind .. ' ' .. source .. '\n' .. spec
    add('cbn', 1)
    redis.call('HSET', C, entry, value)
    if suspended(source) then
      flag('H')
      activate(entry, 'new', 'held', math.huge)
    else
      activate(entry, 'new', 'granted', now + lease)
      callbacks[#callbacks + 1] = { entry, value }
    end
  end
end

-- Hands out the callbacks that were held back, those of entries that are suspended by themselves only when all are asked for.
local function release_held(all)
  if not has('H') or has('S') then return end
  local kept = 0
  repeat
    local entries = redis.call('ZRANGEBYSCORE', L, 'inf', 'inf', 'LIMIT', kept, 200)
    for _, entry in ipairs(entries) do
      local value = redis.call('HGET', C, entry)
      if not all and suspended_alone(string.match(value, '^%a+ (%w+)')) then
        kept = kept + 1
      else
        activate(entry, 'held', 'granted', now + lease)
        callbacks[#callbacks + 1] = { entry, value }
        handed = handed + #value
      end
      if is_enough(#callbacks) then break end
    end
    write_entries()
    more_held = is_enough(#callbacks)
  until #entries == 0 or more_held
  if kept == 0 and not more_held then unflag('H') end
end

-- The end of a group is its parent's to hear of; that somebody tells it is leased work like a publication.
local function tell_parent()
  if not g.pg then return end
  activate('p', 'new', 'granted', now + lease)
  callbacks[#callbacks + 1] = { 'p', '' }
end

-- What a publishing process needs: what the group is, the grants, the fired callbacks, the roots whose bodies have ended with the
-- groups of their children, and the runs to be cancelled.
local function reply(code)
  local more = more_held and 1 or is_enough(#grants / 3) and more_to_take() or 0
  return { code, said(more, expiring, ended_as), grants, callbacks, closing, withdrawn }
end
