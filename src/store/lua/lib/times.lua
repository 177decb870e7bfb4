-- times: when entries began and ended, and how many attempts they took. All times are in ms since the creation of the group.
--- @include "group"
-- A row of T has the end plus 1 (so that a row of zeros is none), how long before it the entry began, and its attempts. A field of T
-- has the rows of 64 entries: a field of its own would cost an item four times as much, and a string of all rows would keep as much
-- memory in reserve as it uses.
local row_format, row_bytes, rows_per_block = '>I5I5I2', 12, 64
-- Stands for a begin that is not known, because no attempt has claimed the entry. Also the maximum, 34 years.
local no_begin = 2 ^ 40 - 1
-- The rows of callbacks are behind those of all items.
local first_callback = 2 ^ 31
-- Rows of which the state of the group keeps the latest as a text, up to this size in bytes: so Redis keeps its hash compact, a small
-- group needs no T, and most ends need no further command.
local recent_rows, recent_bytes = 4, 64
local times = {}

-- Returns the number of the block of an entry, and where its row is in that block.
local function row_of(entry)
  local number = tonumber(entry) or first_callback + tonumber(string.sub(entry, 2))
  return math.floor(number / rows_per_block), number % rows_per_block * row_bytes
end

-- Counts an attempt, which begins now.
local function note_begin(act)
  act.attempts = act.attempts == '0' and '1' or int(act.attempts + 1)
  if act.startedAt == '' then act.startedAt = int(now) end
end

-- Notes that an entry ends now. One that never began has no act, or no begin in it.
local function note_end(entry, act)
  local began, attempts = act and tonumber(act.startedAt), act and tonumber(act.attempts) or 0
  local lasted = began and math.min(math.max(now - began, 0), no_begin - 1) or no_begin
  times[#times + 1] = { entry, math.max(now - group.createdAt, 0), lasted, math.min(attempts, 65535) }
end

local function each_recent(action)
  for entry, ended, lasted, attempts in string.gmatch(group.recentTimes or '', '(%S+) (%d+) (%d+) (%d+) ') do
    action(entry, ended, lasted, attempts)
  end
end

-- Returns the text of a block with some of its rows replaced. rows: at each place its new row; places: those places.
local function with_rows(block, rows, places)
  table.sort(places)
  local parts, from = {}, 0
  for _, at in ipairs(places) do
    -- A block ends after its last row, so the places between can lie behind it.
    if at > from then parts[#parts + 1] = string.sub(block, from + 1, at) .. string.rep('\0', at - math.max(from, #block)) end
    parts[#parts + 1] = rows[at]
    from = at + row_bytes
  end
  parts[#parts + 1] = string.sub(block, from + 1)
  return table.concat(parts)
end

-- Moves all rows to T.
local function store_rows()
  local names, blocks, rows, places = {}, {}, {}, {}
  local function add_row(entry, ended, lasted, attempts)
    local block, at = row_of(entry)
    if not rows[block] then names[#names + 1], blocks[#blocks + 1], rows[block], places[block] = int(block), block, {}, {} end
    -- An entry that was retried can have two rows. The later one counts.
    if not rows[block][at] then table.insert(places[block], at) end
    rows[block][at] = struct.pack(row_format, ended + 1, lasted, attempts)
  end
  each_recent(add_row)
  for _, row in ipairs(times) do add_row(unpack(row)) end
  local values = {}
  for i, text in ipairs(redis.call('HMGET', T, unpack(names))) do
    local block = blocks[i]
    values[#values + 1], values[#values + 2] = names[i], with_rows(text or '', rows[block], places[block])
  end
  write_all('HSET', T, values)
  put(field.recentTimes, '')
end

local function write_times()
  if #times == 0 then return end
  local recent = group.recentTimes or ''
  if #times <= recent_rows then
    for _, row in ipairs(times) do recent = recent .. row[1] .. ' ' .. int(row[2]) .. ' ' .. int(row[3]) .. ' ' .. int(row[4]) .. ' ' end
  end
  if #times <= recent_rows and #recent <= recent_bytes then put(field.recentTimes, recent) else store_rows() end
  times = {}
end
