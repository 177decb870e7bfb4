-- group: the state of one group. Every script that changes a group reads the state once and writes it back once.
--
-- KEYS of every group script, in this order (they share one hash tag, so they are in one slot of a Redis Cluster):
--   G state of the group, S specs and own messages, B one state byte per item, Q ready queue,
--   A active entries, L leases by due time, C callbacks, E log of ends, R results of one bucket
local G, S, B, Q, A, L, C, E, R = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local proc, lease = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The fields are documented in src/store/schema.ts and docs/redis-schema.md. In short:
-- Parent: pg is its id, pe the entry of this group in it. nch: groups are below this one. hold: they have yet to be kept from expiring.
-- cr: time of creation. pr: time of the last progress, roughly. dl: deadline of the time limit. mi: number of items that closes the group.
-- fr: ratio of failures that stops the group. os: `cancel` when a failure limit cancels running items. rnd: how often it was retried.
-- Callbacks: cbn were fired, cbs of them succeeded, cbf failed, and cbr failed and were fired again.
-- fl: a letter for each rare condition. S the group is suspended. W the groups below have yet to follow a suspend or resume.
-- E entries were suspended individually. H callbacks are deferred. V runs were made void. R a retry is being prepared.
-- U there are entries that no worker took in time. M deferred callbacks are being released in several calls;
-- A that release includes the callbacks of suspended entries.
-- K everything that it refers to is being kept from expiring, because callbacks were fired again after its end.
-- P items that were passed over while suspended are being put back into the queue. B there are large items.
-- jn: another call has continued to build the group.
-- The names before the empty one are texts, the names after it numbers. A script reads only the fields that it mentions.
--- @used
local names = { 'st', 'kr', 'k', 'pg', 'pe', 'fr', 'os', 'fl', '', 'pr', 'cl', 'mc', 'sn', 'mi', 'tot', 'rdy', 'swp', 'ird', 'sl', 'ok', 'ko', 'cx', 'cbn', 'cbs', 'cbf', 'cbr', 'rb', 'wch', 'mv', 'ret', 'ttl', 'grace', 'bld', 'nch', 'hold', 'rel', 'cr', 'rnd', }
local g, changed = {}, {}

local function int(n)
  return string.format('%.0f', n)
end

-- Writes all values with as few commands as possible: a call from a script often costs more than the work that Redis does for it.
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
  -- The expression mentions `st`, so every script reads this field. It shows whether the group exists.
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

-- Set by a library that buffers changes of its own, so that write_group writes them too.
local write_others

local function write_group()
  if write_others then write_others() end
  local args = {}
  -- The time of progress is coarse, so that most calls need not write the field.
  if next(changed) and now - g.pr > g.ttl / 50 then put('pr', now) end
  for name in pairs(changed) do
    args[#args + 1] = name
    args[#args + 1] = type(g[name]) == 'number' and int(g[name]) or g[name]
  end
  if #args > 0 then redis.call('HSET', G, unpack(args)) end
end

-- Items up to this size, in bytes, can be granted a thousand at a time in one script without counting their bytes.
local few_bytes = 4096

local function note_bytes(bytes)
  if bytes > few_bytes then flag('B') end
end

-- Makes the groups below follow a suspend or resume of this group or its entries.
local function propagate_suspension()
  redis.call('HINCRBY', G, 'wv', 1)
  flag('W')
end

-- Stores a group as a child of this one. It is kept, cancelled and deleted together with this group.
local function note_child(entry, child)
  if redis.call('HSETNX', C, 'g:' .. entry, child) == 1 then
    put('nch', 1)
    put('hold', 1)
    if has('S') or has('E') then propagate_suspension() end
  end
end

-- The transition table of a group, and the only definition of it.
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

-- A version of the properties that publishers cache. It changes when a key is used for a new group, when the message or the parent
-- is set, and with each retry.
local function version()
  return int(g.cr) .. '.' .. int(g.mv) .. '.' .. int(g.rnd) .. (g.pg and 'n' or '')
end

-- The state of the group as one text of fields, because each value of a reply has a cost: its status, whether another call should
-- grant more, its version and number of items, whether it expires, whether its new status has to reach groups below, the ms until its
-- deadline if that is new, whether it is suspended, and the outcome of the entry. When the status is new, a second line holds its kind and name.
local function group_header(more, expiring, ended_as)
  local left = changed.dl and g.dl > 0 and int(g.dl - now) or ''
  local fields = { g.st, more, version(), int(g.tot), expiring, changed.st and int(g.nch) or 0, left, has('S') and 1 or 0, ended_as }
  local state = table.concat(fields, '|')
  if changed.st then state = state .. '\n' .. g.k .. ' ' .. (redis.call('HGET', G, 'n') or '') end
  return state
end
