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
      end
    end
    write_entries()
    more_held = #callbacks >= batch
  until #entries == 0 or more_held
  if kept == 0 and not more_held then unflag('H') end
end

-- The end of a group is its parent's to hear of; that somebody tells it is leased work like a publication.
local function tell_parent()
  if not g.pg then return end
  activate('p', 'new', 'granted', now + lease)
  callbacks[#callbacks + 1] = { 'p', '' }
end

-- Changes with what publishers remember of the group: a key's next group is another one, a message and a parent come later.
local function version()
  return int(g.cr) .. '.' .. int(g.mv) .. '.' .. int(g.rnd) .. (g.pg and 'n' or '')
end

-- What a publishing process needs: the grants, the fired callbacks, the roots whose bodies have ended with the groups of their
-- children, the runs to be cancelled, and before them, in one text of fields (each value of a reply costs): the group's status, whether to
-- ask for more, its version and number of items, whether it expires, whether its groups below are to hear of what has become of it,
-- ms until its time is over if that is new, whether it is suspended, and how the entry ended; on a second line its kind and its name,
-- when its status is new.
local function reply(code)
  local more = more_held and 1 or #grants >= 3 * batch and more_to_take() or 0
  local left = changed.dl and g.dl > 0 and int(g.dl - now) or ''
  local fields = { g.st, more, version(), int(g.tot), expiring, changed.st and int(g.nch) or 0, left, has('S') and 1 or 0, ended_as }
  local state = table.concat(fields, '|')
  if changed.st then state = state .. '\n' .. g.k .. ' ' .. (redis.call('HGET', G, 'n') or '') end
  return { code, state, grants, callbacks, closing, withdrawn }
end
