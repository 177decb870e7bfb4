-- states: the transition table of an entry (an item or a fired callback), and the only definition of it. docs/states.md shows it as a drawing.
-- No name of a state is a substring of another, because `is_allowed` searches for it as text.
-- waiting, queued: not started. granted: a process has to publish it. published: a run of it exists. running: a run owns it.
-- returned: its body has ended, but not all of its children. deferred: the callback was fired while its source was suspended.
-- succeeded, failed, cancelled: terminal, unless it is retried.
--- @include "entries"
local moves = {
  new = 'waiting granted deferred',
  waiting = 'queued cancelled',
  queued = 'granted cancelled',
  granted = 'queued granted published running succeeded failed cancelled',
  published = 'queued granted running succeeded failed cancelled',
  running = 'queued granted running returned succeeded failed cancelled',
  returned = 'succeeded failed cancelled',
  deferred = 'granted cancelled',
  succeeded = 'returned',
  failed = 'queued returned',
  cancelled = 'queued returned',
}
-- A queued item has the byte 'h' after it was passed over because it is suspended individually: no element of the queue stands for it.
local bytes = { q = 'queued', h = 'queued', a = 'active', s = 'succeeded', f = 'failed', x = 'cancelled' }
local marks = { queued = 'q', succeeded = 's', failed = 'f', cancelled = 'x' }

local function is_callback(entry)
  return string.sub(entry, 1, 1) == 'c'
end

local function state_of(entry, act)
  if act then return act.state end
  if is_callback(entry) then
    local result = redis.call('HGET', C, callback_field.callbackResult .. entry)
    if not result then return 'unknown' end
    return bytes[string.sub(result, 1, 1)]
  end
  local index = tonumber(entry)
  if not index or index >= group.total then return 'unknown' end
  local byte = marked[index] or redis.call('GETRANGE', B, index, index)
  if byte == '' or byte == '\0' then
    return index < group.sweptTo and 'queued' or 'waiting'
  end
  return bytes[byte]
end

local function is_allowed(from, to)
  local list = moves[from]
  return list ~= nil and string.find(list, to, 1, true) ~= nil
end

local function check_move(entry, from, to)
  if not is_allowed(from, to) then error('mageflow: entry ' .. entry .. ' is ' .. from .. ' and cannot become ' .. to) end
end

-- The functions below are the only ones that change states: of active entries in their records, of items in their bytes.
local function become(entry, act, to)
  check_move(entry, act.state, to)
  act.state = to
end

local function activate(entry, from, to, due, child)
  check_move(entry, from, to)
  write_active(entry, {
    [act.state] = to,
    [act.run] = '',
    [act.retryCount] = '',
    [act.invocation] = '',
    [act.nonce] = '',
    [act.process] = proc,
    [act.throws] = '0',
    [act.counted] = '-1',
    [act.publications] = '1',
    [act.child] = child or '',
    [act.cancel] = '',
    [act.token] = '',
    [act.startedAt] = '',
    [act.attempts] = '0',
  }, due)
end

-- Sets the byte of an item. Callers omit from and to if the transition was checked already.
local function mark(entry, byte, from, to)
  if from then check_move(entry, from, to) end
  marked[tonumber(entry)] = byte
end

local function mark_row(first, row, to, ...)
  for _, from in ipairs({ ... }) do check_move(first, from, to) end
  redis.call('SETRANGE', B, first, row)
end
