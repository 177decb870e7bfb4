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
local texts = 5
local names = { 'st', 'kr', 'k', 'pg', 'pe', 'cl', 'mc', 'sn', 'tot', 'rdy', 'swp', 'ird', 'sl', 'ok', 'ko', 'cx', 'cbn', 'rb', 'wch', 'mv', 'ret', 'ttl', 'grace', 'bld', 'nch', 'hold', 'rel' }
local g, changed = {}, {}

local function int(n)
  return string.format('%.0f', n)
end

local function read_group()
  local values = redis.call('HMGET', G, unpack(names))
  if not values[1] then return false end
  for i, name in ipairs(names) do
    g[name] = i > texts and (tonumber(values[i]) or 0) or values[i]
  end
  return true
end

local function put(name, value)
  g[name] = value
  changed[name] = true
end

local function add(name, n)
  put(name, g[name] + n)
end

local function write_group()
  local args = {}
  for name in pairs(changed) do
    args[#args + 1] = name
    args[#args + 1] = type(g[name]) == 'number' and int(g[name]) or g[name]
  end
  if #args > 0 then redis.call('HSET', G, unpack(args)) end
end

-- Remembers a group below this one: it is kept, cancelled and forgotten together with it.
local function note_child(entry, child)
  if redis.call('HSETNX', C, 'g:' .. entry, child) == 1 then
    put('nch', 1)
    put('hold', 1)
  end
end

local function ended()
  return g.st == 'succeeded' or g.st == 'failed' or g.st == 'cancelled'
end
