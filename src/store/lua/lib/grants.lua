-- grants: what a script hands out for publication, and what it says.
--- @include "slots"
local callbacks, expiring, closing, withdrawn, more_deferred, ended_as = {}, 0, {}, {}, false, ''

-- What can't be read of a signature or a group must not keep it from ending.
local function decode_list(json)
  local readable, list = pcall(cjson.decode, json)
  if readable and type(list) == 'table' then return list end
  redis.log(redis.LOG_WARNING, 'mageflow: the callbacks of ' .. G .. ' can not be read: ' .. string.sub(json, 1, 200))
  return {}
end

-- The callbacks of an earlier round are not repeated any more: the entry that they were fired for has ended anew.
local function supersede(source)
  if g.rnd == 0 then return end
  local first, count = string.match(redis.call('HGET', C, 'i:' .. source) or '', '^(%d+) (%d+)$')
  for n = tonumber(first or 0), (first or 0) + (count or 0) - 1 do
    local entry = 'c' .. int(n)
    local newer = redis.call('HGET', C, 'n:' .. entry)
    while newer do
      entry = newer
      newer = redis.call('HGET', C, 'n:' .. entry)
    end
    redis.call('HSET', C, 'n:' .. entry, '')
    local result = redis.call('HGET', C, 'r:' .. entry)
    if result and string.sub(result, 1, 1) ~= 's' then
      add('cbf', -1)
      add('cbr', 1)
    end
  end
  redis.call('HDEL', C, 'i:' .. source)
end

local function fire_one(value, source)
  local entry = 'c' .. int(g.cbn)
  add('cbn', 1)
  redis.call('HSET', C, entry, value)
  if suspended(source) then
    flag('H')
    activate(entry, 'new', 'deferred', math.huge)
  else
    activate(entry, 'new', 'granted', now + lease)
    callbacks[#callbacks + 1] = { entry, value }
  end
  return entry
end

-- Every callback of a list becomes an entry of its own, stored by value; which of them is published is leased work.
-- Their numbers follow one another: the first and how many there are is stored with their source, so that its callbacks can be found.
local function fire(list, kind, source)
  if #list > 0 then redis.call('HSET', C, 'i:' .. source, int(g.cbn) .. ' ' .. #list) end
  for _, spec in ipairs(list) do fire_one(kind .. ' ' .. source .. '\n' .. spec, source) end
end

-- Hands out the deferred callbacks, those of entries that are suspended by themselves only when all are asked for.
-- What one call can't hand out is for the next one, whoever makes it.
local function release_deferred(all)
  if not has('H') or has('S') then return end
  local kept = 0
  all = all or has('A')
  repeat
    local entries = redis.call('ZRANGEBYSCORE', L, 'inf', 'inf', 'LIMIT', kept, 200)
    for _, entry in ipairs(entries) do
      local value = redis.call('HGET', C, entry)
      if not all and suspended_alone(string.match(value, '^%a+ (%w+)')) then
        kept = kept + 1
      else
        activate(entry, 'deferred', 'granted', now + lease)
        callbacks[#callbacks + 1] = { entry, value }
        handed = handed + #value
      end
      if is_enough(#callbacks) then break end
    end
    write_entries()
    more_deferred = is_enough(#callbacks)
  until #entries == 0 or more_deferred
  if more_deferred then
    flag('M')
    if all then flag('A') end
    return
  end
  unflag('M')
  unflag('A')
  if kept == 0 then unflag('H') end
end

-- The end of a group is its parent's to hear of; that somebody tells it is leased work like a publication.
local function notify_parent()
  if not g.pg then return end
  activate('p', 'new', 'granted', now + lease)
  callbacks[#callbacks + 1] = { 'p', '' }
end

-- What a publishing process needs: what the group is, the grants, the fired callbacks, the roots whose bodies have ended with the
-- groups of their children, and the runs to be cancelled.
local function reply(code)
  local unfinished = has('P') or looks <= 0 or is_enough(#grants / 3)
  local more = more_deferred and 1 or unfinished and more_to_take() or 0
  return { code, group_header(more, expiring, ended_as), grants, callbacks, closing, withdrawn }
end
