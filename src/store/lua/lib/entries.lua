-- entries: a cache of the entries of a group. A script reads and writes many entries with one command.
--- @include "group"
--- @include "kinds"
-- acts: records of active entries (false: not active), whose fields are named `act.run` and so on. dues: due times of the entries that the script has changed (false: removed).
-- marked: bytes of the items that it has changed. write_entries writes all of them at once.
local acts, dues, marked = {}, {}, {}

-- Returns a pattern for a text of so many fields, separated by '|', none of which contains it.
local function fields(number)
  return '^([^|]*)' .. string.rep('|([^|]*)', number - 1) .. '$'
end

local packing = fields(14)

local function read_actives(entries)
  -- Lua passes only some thousand arguments to one call.
  for from = 1, #entries, 1000 do
    local some = { unpack(entries, from, math.min(from + 999, #entries)) }
    for i, packed in ipairs(redis.call('HMGET', A, unpack(some))) do
      if acts[some[i]] == nil then acts[some[i]] = packed and { string.match(packed, packing) } end
    end
  end
end

-- Returns the requests in ARGV, each a text of so many fields, of which the first is an entry. Reads all of these entries at once.
local function read_requests(from, to, step, number)
  local pattern, requests, entries = fields(number), {}, {}
  for i = from, to, step do
    local request = { string.match(ARGV[i], pattern) }
    if not request[1] then error('mageflow: expected ' .. number .. ' fields, got ' .. ARGV[i]) end
    requests[#requests + 1], entries[#entries + 1] = request, request[1]
  end
  read_actives(entries)
  return requests, entries
end

local function read_active(entry)
  if acts[entry] == nil then read_actives({ entry }) end
  return acts[entry] or nil
end

local function write_active(entry, act, due)
  acts[entry], dues[entry] = act, due
end

local function remove_active(entry)
  acts[entry], dues[entry] = false, false
end

local function write_bytes()
  local indexes = {}
  for index in pairs(marked) do indexes[#indexes + 1] = index end
  table.sort(indexes)
  local first, row = 1, {}
  for i, index in ipairs(indexes) do
    row[#row + 1] = marked[index]
    if indexes[i + 1] ~= index + 1 then
      redis.call('SETRANGE', B, indexes[first], table.concat(row))
      first, row = i + 1, {}
    end
  end
  marked = {}
end

-- Memory is freed before more is used, so that ends are stored at the memory limit.
local function write_entries()
  local gone, packed, scores, texts = {}, {}, {}, {}
  for entry, due in pairs(dues) do
    if due then
      texts[due] = texts[due] or (due == math.huge and 'inf' or int(due))
      packed[#packed + 1], packed[#packed + 2] = entry, table.concat(acts[entry], '|')
      scores[#scores + 1], scores[#scores + 2] = texts[due], entry
    else
      gone[#gone + 1] = entry
    end
  end
  write_all('HDEL', A, gone)
  write_all('ZREM', L, gone)
  write_all('HSET', A, packed)
  write_all('ZADD', L, scores)
  dues = {}
  write_bytes()
end
write_others = write_entries
