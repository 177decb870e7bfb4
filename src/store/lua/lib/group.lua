-- group: the state of one group, read once and written back once by every script that changes it.
--
-- KEYS of every group script, in this order (one hash tag, so they live in one slot):
--   G group hash, S specs and own messages, B one state byte an item, Q ready queue,
--   A active entries, L leases by due time, C callbacks, E log of ends, R results of one bucket
local G, S, B, Q, A, L, C, E, R = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local proc, lease = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Of its parent (the group that it is an item of): pg its id, pe the entry there. nch: it has groups below it; hold: they have to be kept.
-- cr: when it was created. mi: how many items close it. os: whether a failure limit cancels what runs (cancel). rnd: how often it was tried again. fr: the ratio of failures that stops it. pr: when something last happened in it. dl: when its time is over.
-- Of its callbacks: cbn how many were fired, cbs and cbf how many of them succeeded and failed, cbr how many failed ones were fired anew.
-- fl: what is rarely so, a letter each: S suspended, W the groups below have yet to hear of that, E entries have been
-- suspended by themselves, H callbacks are deferred, V runs have been made void, R it is being made ready for a retry,
-- U there are entries that no worker took in time, M more of the deferred callbacks go out than one call can hand out, A all of them do. jn: others have gone on with it while it was made.
-- K what it refers to is being kept from expiring, as callbacks were fired anew after its end.
-- P what was passed over while it was suspended by itself is being put back.
-- B there are items with many bytes.
-- The texts, and after '' the numbers. A script reads those that it mentions.
--- @used
local names = { 'st', 'kr', 'k', 'pg', 'pe', 'fr', 'os', 'fl', '', 'pr', 'cl', 'mc', 'sn', 'mi', 'tot', 'rdy', 'swp', 'ird', 'sl', 'ok', 'ko', 'cx', 'cbn', 'cbs', 'cbf', 'cbr', 'rb', 'wch', 'mv', 'ret', 'ttl', 'grace', 'bld', 'nch', 'hold', 'rel', 'cr', 'rnd', }
local g, changed = {}, {}

local function int(n)
  return string.format('%.0f', n)
end

-- One command for all: a call from a script costs more than most of what Redis then does.
local function write_all(command, key, values)
  for from = 1, #values, 4000 do redis.call(command, key, unpack(values, from, math.min(from + 3999, #values))) end
end

local function set_group(values)
  local numbers = false
  for i, name in ipairs(names) do
    if name == '' then numbers = true end
    g[name] = numbers and (tonumber(values[i]) or 0) or values[i]
  end
end

local function read_group()
  local values = redis.call('HMGET', G, unpack(names))
  if not values[1] then return false end
  set_group(values)
  -- Mentioned, so that each script reads it: the first field says whether the group is there.
  return g.st ~= nil
end

local function has(letter)
  return g.fl and string.find(g.fl, letter, 1, true) ~= nil
end

local function put(name, value)
  g[name] = value
  changed[name] = true
end

local function add(name, n)
  put(name, g[name] + n)
end

local function flag(letter)
  if not has(letter) then put('fl', (g.fl or '') .. letter) end
end

local function unflag(letter)
  if has(letter) then put('fl', (string.gsub(g.fl, letter, ''))) end
end

-- Set by what keeps changes of its own: they are written with the group, by whichever script.
local write_others

local function write_group()
  if write_others then write_others() end
  local args = {}
  -- Coarse, so that it costs a field only now and then.
  if next(changed) and now - g.pr > g.ttl / 50 then put('pr', now) end
  for name in pairs(changed) do
    args[#args + 1] = name
    args[#args + 1] = type(g[name]) == 'number' and int(g[name]) or g[name]
  end
  if #args > 0 then redis.call('HSET', G, unpack(args)) end
end

-- What of an item may be handed out a thousand times in one script without being counted, in bytes.
local few_bytes = 4096

local function note_bytes(bytes)
  if bytes > few_bytes then flag('B') end
end

-- The groups below have to hear which of them are suspended.
local function propagate_suspension()
  redis.call('HINCRBY', G, 'wv', 1)
  flag('W')
end

-- Remembers a group below this one: it is kept, cancelled and forgotten together with it.
local function note_child(entry, child)
  if redis.call('HSETNX', C, 'g:' .. entry, child) == 1 then
    put('nch', 1)
    put('hold', 1)
    if has('S') or has('E') then propagate_suspension() end
  end
end

-- What may become of a group: the only place that says what may follow what.
local group_moves = {
  pending = 'running cancelled',
  running = 'stopping cancelling succeeded failed cancelled',
  stopping = 'cancelling failed',
  cancelling = 'failed cancelled',
  succeeded = 'running',
  failed = 'running',
  cancelled = 'running',
}

local function move_to(status)
  if not string.find(' ' .. group_moves[g.st] .. ' ', ' ' .. status .. ' ', 1, true) then
    error('mageflow: a group that is ' .. g.st .. ' cannot become ' .. status)
  end
  put('st', status)
end

local function ended()
  return g.st == 'succeeded' or g.st == 'failed' or g.st == 'cancelled'
end

-- Changes with what publishers remember of the group: a key's next group is another one, a message and a parent come later.
local function version()
  return int(g.cr) .. '.' .. int(g.mv) .. '.' .. int(g.rnd) .. (g.pg and 'n' or '')
end

-- What the group is, in one text of fields (each value of a reply costs): its status, whether to ask for more, its version and number of
-- items, whether it expires, whether its groups below are to hear of what has become of it, ms until its time is over if that is new,
-- whether it is suspended, and how the entry ended; on a second line its kind and its name, when its status is new.
local function group_header(more, expiring, ended_as)
  local left = changed.dl and g.dl > 0 and int(g.dl - now) or ''
  local fields = { g.st, more, version(), int(g.tot), expiring, changed.st and int(g.nch) or 0, left, has('S') and 1 or 0, ended_as }
  local state = table.concat(fields, '|')
  if changed.st then state = state .. '\n' .. g.k .. ' ' .. (redis.call('HGET', G, 'n') or '') end
  return state
end
