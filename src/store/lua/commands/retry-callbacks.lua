-- retry-callbacks: fires failed callbacks of a group again, each as a new entry. If there are many, it takes several calls.
-- KEYS: 10
-- ARGV: proc, lease, source of the callbacks (an entry, or 'g' for the group itself; '' for all), number of the first to inspect, number to stop before ('' for all that were fired until now)
-- Returns {'fired'|'missing', state, grants, callbacks, closing, withdrawn, how many were fired, number of the next to inspect or '', number to stop before, whether everything the group refers to has to be kept (0|1)}
--- @include "group-ends"
--- @include "pending"
if not read_group() then return { 'missing' } end
local source = ARGV[3]
local from, stop = tonumber(ARGV[4]), tonumber(ARGV[5]) or group.callbackSeq
if source ~= '' then
  local first, count = string.match(redis.call('HGET', C, callback_field.firings .. source) or '', '^(%d+) (%d+)$')
  from, stop = math.max(from, tonumber(first) or 0), first and first + count or 0
end
local to = math.min(from + 1000, stop)
local numbers, fields = {}, {}
for n = from, to - 1 do fields[#fields + 1] = callback_field.callbackResult .. 'c' .. int(n) end
for i, result in ipairs(#fields > 0 and redis.call('HMGET', C, unpack(fields)) or {}) do
  local mark = result and string.sub(result, 1, 1)
  if mark == 'f' or mark == 'x' then numbers[#numbers + 1] = from + i - 1 end
end

-- A failed callback may have been fired again before, and that invocation may have failed too. The latest one counts.
local function latest(entry)
  local newer = redis.call('HGET', C, callback_field.newerFiring .. entry)
  while newer do
    entry = newer
    newer = redis.call('HGET', C, callback_field.newerFiring .. entry)
  end
  return entry
end

local fired, bytes, next_number = 0, 0, to
for _, number in ipairs(numbers) do
  if bytes > 1048576 then
    next_number = number
    break
  end
  local entry = 'c' .. int(number)
  local newest = source ~= '' and latest(entry) or entry
  local failed = newest == entry and 'x' or redis.call('HGET', C, callback_field.callbackResult .. newest)
  if failed and string.sub(failed, 1, 1) ~= 's' and redis.call('HEXISTS', C, callback_field.newerFiring .. newest) == 0 then
    local value = redis.call('HGET', C, newest)
    redis.call('HSET', C, callback_field.newerFiring .. newest, fire_one(value, string.match(value, '^%a+ (%w+)')))
    add(field.callbacksFailed, -1)
    add(field.callbacksRepeated, 1)
    fired, bytes = fired + 1, bytes + #value
  end
end
if fired > 0 and ended() then
  redis.call('HDEL', G, field.expiresAt)
  persist(all_keys())
  put(field.nested, math.max(group.nested, tonumber(redis.call('HGET', G, field.hadNested) or '0')))
  flag('K')
end
write_group()
keep_pending()
local answer = reply('fired')
answer[7], answer[8], answer[9], answer[10] = fired, next_number < stop and int(next_number) or '', int(stop), has('K') and 1 or 0
return answer
