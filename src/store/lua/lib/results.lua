-- results: a buffer for the ends of items, which are written with one command for all.
--- @include "group-ends"
--- @include "times"
-- The specs of the items that this script ends, and the changes that write_ends stores for them at once.
local specs, messages, headers, results, dropped, log = {}, {}, {}, {}, {}, {}

local function know_specs(entries)
  for i, spec in ipairs(redis.call('HMGET', S, unpack(entries))) do specs[entries[i]] = spec or '' end
end

-- Memory is freed before more is used, so that ends are stored at the memory limit.
local function write_ends()
  write_all('HDEL', S, messages)
  write_all('HSET', S, headers)
  write_all('HDEL', R, dropped)
  write_all('HSET', R, results)
  write_all('RPUSH', E, log)
  write_times()
end
