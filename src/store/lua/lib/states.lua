-- states: the transition table of an entry (an item or a fired callback): the only place that says what may follow what.
-- None of their names is a part of another's.
-- waiting, queued: not started. granted: a process has to publish it. published: a run of it exists.
-- running: a run owns it. returned: its body has ended, its children have not all. deferred: a callback that was fired while what it
-- belongs to is suspended. succeeded, failed, cancelled: terminal, until they are tried again. docs/states.md draws it.
--- @include "entries"
local moves = {
  new = 'waiting granted deferred',
  waiting = 'queued cancelled',
  queued = 'granted cancelled',
  granted = 'queued granted published running succeeded failed cancelled',
  published = 'queued granted running succeeded failed cancelled',
  running = 'queued running returned succeeded failed cancelled',
  returned = 'succeeded failed cancelled',
  deferred = 'granted cancelled',
  succeeded = 'returned',
  failed = 'queued returned',
  cancelled = 'queued returned',
}
-- What a queued item is while it is suspended by itself: 'h', so that nothing in the queue stands for it.
local bytes = { q = 'queued', h = 'queued', a = 'active', s = 'succeeded', f = 'failed', x = 'cancelled' }
local marks = { queued = 'q', succeeded = 's', failed = 'f', cancelled = 'x' }

local function is_callback(entry)
  return string.sub(entry, 1, 1) == 'c'
end

local function state_of(entry, act)
  if act then return act.state end
  if is_callback(entry) then
    local result = redis.call('HGET', C, 'r:' .. entry)
    if not result then return 'unknown' end
    return bytes[string.sub(result, 1, 1)]
  end
  local index = tonumber(entry)
  if not index or index >= g.tot then return 'unknown' end
  local byte = marked[index] or redis.call('GETRANGE', B, index, index)
  if byte == '' or byte == '\0' then
    return index < g.swp and 'queued' or 'waiting'
  end
  return bytes[byte]
end

local function may(from, to)
  local list = moves[from]
  return list ~= nil and string.find(list, to, 1, true) ~= nil
end

local function check_move(entry, from, to)
  if not may(from, to) then error('mageflow: entry ' .. entry .. ' is ' .. from .. ' and cannot become ' .. to) end
end

-- States are changed here and nowhere else: of what is active, and of items by their bytes.
local function become(entry, act, to)
  check_move(entry, act.state, to)
  act.state = to
end

local function activate(entry, from, to, due, child)
  check_move(entry, from, to)
  write_active(entry, { state = to, run = '', retry = '', inv = '', nonce = '', proc = proc, throws = '0', counted = '-1', pubs = '1', child = child or '', cancel = '' }, due)
end

-- Without from and to where what the entry is, or has just become, has been asked for.
local function mark(entry, byte, from, to)
  if from then check_move(entry, from, to) end
  marked[tonumber(entry)] = byte
end

local function mark_row(first, row, to, ...)
  for _, from in ipairs({ ... }) do check_move(first, from, to) end
  redis.call('SETRANGE', B, first, row)
end
