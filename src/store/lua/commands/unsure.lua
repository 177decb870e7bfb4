-- unsure: finds runs that the engine accepted before Redis came back and whose end Redis does not have, so that their entries may be granted again. Changes nothing.
-- KEYS: 10
-- ARGV: proc, lease, then for each run its entry|token|run id|source ('' for an item)
-- Returns for each run 1 when it is such a run, else 0
--- @include "suspension"
local known = read_group()
local secret = known and redis.call('HGET', G, field.secret)

local function is_unsure(entry, token, run, source)
  -- Nothing is published for a group that is gone, and a group that was created again has another secret.
  if not known or string.sub(redis.sha1hex(secret .. entry), 1, 20) ~= token then return false end
  local act = read_active(entry)
  if (act and act.run == run) or is_void(entry, run) then return false end
  if not is_callback(entry) then return act ~= nil or state_of(entry) ~= 'succeeded' end
  if redis.call('HEXISTS', C, callback_field.callbackResult .. entry) == 0 then return true end
  -- Callbacks are numbered in the order in which they are fired. After the loss this order may differ, and the number may belong to another source.
  return string.match(redis.call('HGET', C, entry), '^%a+ (%w+)') ~= source
end

local answers = {}
for i, request in ipairs(read_requests(3, #ARGV, 1, 4)) do answers[i] = is_unsure(unpack(request)) and 1 or 0 end
return answers
