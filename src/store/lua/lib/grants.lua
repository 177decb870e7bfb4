-- grants: the effects that a script returns: grants, callbacks, roots to complete, and runs to cancel.
--- @include "slots"
local callbacks, expiring, closing, withdrawn, more_deferred, entry_outcome = {}, 0, {}, {}, false, ''

-- An unreadable list of a signature or group is treated as empty, so that the group can still end.
local function decode_list(json)
  local readable, list = pcall(cjson.decode, json)
  if readable and type(list) == 'table' then return list end
  redis.log(redis.LOG_WARNING, 'mageflow: the callbacks of ' .. G .. ' can not be read: ' .. string.sub(json, 1, 200))
  return {}
end

-- Prevents callbacks of an earlier round from being fired again, because the entry that fired them has ended once more.
local function supersede(source)
  if group.round == 0 then return end
  local first, count = string.match(redis.call('HGET', C, callback_field.firings .. source) or '', '^(%d+) (%d+)$')
  for n = tonumber(first or 0), (first or 0) + (count or 0) - 1 do
    local entry = 'c' .. int(n)
    local newer = redis.call('HGET', C, callback_field.newerFiring .. entry)
    while newer do
      entry = newer
      newer = redis.call('HGET', C, callback_field.newerFiring .. entry)
    end
    redis.call('HSET', C, callback_field.newerFiring .. entry, '')
    local result = redis.call('HGET', C, callback_field.callbackResult .. entry)
    if result and string.sub(result, 1, 1) ~= 's' then
      add(field.callbacksFailed, -1)
      add(field.callbacksRepeated, 1)
    end
  end
  redis.call('HDEL', C, callback_field.firings .. source)
end

local function fire_one(value, source)
  local entry = 'c' .. int(group.callbackSeq)
  add(field.callbackSeq, 1)
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

-- Makes each callback of a list an entry of its own, stored by value. Its publication is covered by a lease.
-- The entries are numbered consecutively. The first number and the count are stored under the source, so that its callbacks can be found.
local function fire(list, kind, source)
  if #list > 0 then redis.call('HSET', C, callback_field.firings .. source, int(group.callbackSeq) .. ' ' .. #list) end
  for _, spec in ipairs(list) do fire_one(kind .. ' ' .. source .. '\n' .. spec, source) end
end

-- Grants the deferred callbacks. Callbacks of entries that are suspended individually are included only if `all` is true.
-- A call has a size limit; the next call, from any process, releases the rest.
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

-- Makes the notification of the parent an entry with a lease, like a publication, so that it cannot be lost.
local function notify_parent()
  if not group.parentId then return end
  activate('p', 'new', 'granted', now + lease)
  callbacks[#callbacks + 1] = { 'p', '' }
end

-- The reply that a publishing process needs: the state of the group, the grants, the fired callbacks, the roots whose bodies have
-- returned with the groups of their children, and the runs to cancel.
local function reply(code)
  local unfinished = has('P') or looks <= 0 or is_enough(#grants / 3)
  local more = more_deferred and 1 or unfinished and more_to_take() or 0
  return { code, group_header(more, expiring, entry_outcome, wake_in), grants, callbacks, closing, withdrawn }
end
