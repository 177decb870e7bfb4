-- results: what a script stores of the ends of items, written with one command for all.
--- @include "group-ends"
-- The specs of items that this script ends, and what it stores of their ends: written by write_ends, all at once.
local specs, messages, headers, results, dropped, log = {}, {}, {}, {}, {}, {}

local function know_specs(entries)
  for i, spec in ipairs(redis.call('HMGET', S, unpack(entries))) do specs[entries[i]] = spec or '' end
end

-- Frees before it grows.
local function write_ends()
  write_all('HDEL', S, messages)
  write_all('HSET', S, headers)
  write_all('HDEL', R, dropped)
  write_all('HSET', R, results)
  write_all('RPUSH', E, log)
end
