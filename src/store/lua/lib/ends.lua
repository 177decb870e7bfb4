-- ends: completes an entry, and the group when the entry was its last one.
--- @include "results"
--- @include "pending"
-- At its memory limit Redis refuses a script whose first write may use more memory. This first write never does, so that ends are
-- still accepted; they free memory.
local function free_first()
  redis.call('HDEL', A, '')
end

local function note_failure(index)
  add('ko', 1)
  if g.ko <= 100 then redis.call('HSET', C, 'f:' .. int(g.ko), index) end
end

local function stop_at_limit()
  if g.st ~= 'running' or g.ko == 0 then return end
  local ratio, finished = tonumber(g.fr), g.ok + g.ko
  if (g.sn > 0 and g.ko >= g.sn) or (ratio and finished >= 20 and g.ko / finished >= ratio) then
    -- Running items are cancelled as if a user had cancelled the group, but the group fails.
    if g.os == 'cancel' then redis.call('HSET', G, 'why', 'failures') end
    move_to(g.os == 'cancel' and 'cancelling' or 'stopping')
    if g.k ~= 'root' then put('cl', 1) end
  end
end

-- Stores the end of a root's body. The root itself ends when its children have ended.
local function return_from_body(entry, act, mark, payload)
  become(entry, act, 'returned')
  redis.call('HSET', C, 'b:' .. entry, mark .. payload)
  write_active(entry, act, now + lease)
  closing[#closing + 1], closing[#closing + 2] = entry, act.child
end

-- Returns how a root ends: as its body did, unless the body succeeded; then as its children did.
local function root_end(entry, to, payload)
  local body = redis.call('HGET', C, 'b:' .. entry) or 's'
  local mark = string.sub(body, 1, 1)
  if mark ~= 's' then return bytes[mark], string.sub(body, 2) end
  return to, to == 'succeeded' and string.sub(body, 2) or payload
end

-- Returns the length of a spec up to its bound data (header and callbacks), the list of success callbacks and the list of error callbacks.
local function read_spec(spec)
  local header_end = string.find(spec, '\n', 1, true) or #spec
  if string.sub(spec, 1, 1) ~= '*' then return header_end end
  local header = decode_list(string.sub(spec, 2, header_end - 1))
  local lists, at = {}, header_end
  for n, lengths in ipairs({ header[5] or 0, header[6] or 0 }) do
    lists[n] = {}
    for i, length in ipairs(lengths ~= 0 and lengths or {}) do
      lists[n][i] = string.sub(spec, at + 1, at + length)
      at = at + length
    end
  end
  return at, unpack(lists)
end

-- Deletes the bound data of an item that has succeeded; '-' shows that there were some. A task that was run by itself and a chain keep
-- theirs, because a user may load their signatures and pass them as callbacks.
local function let_go(entry, spec, kept)
  if kept == #spec or g.k == 'task' or g.k == 'chain' then return end
  headers[#headers + 1], headers[#headers + 2] = entry, string.sub(spec, 1, kept) .. '-'
end

-- Stores the end of an item, and counts it.
local function store_end(entry, act, to, payload, size)
  if to == 'succeeded' then
    messages[#messages + 1] = 'm' .. entry
    add('ok', 1)
    if g.kr == '0' then payload, size = '', 0 end
  elseif to == 'failed' then
    note_failure(entry)
  else
    add('cx', 1)
    if g.k == 'chain' and g.st == 'running' then move_to('cancelling') end
  end
  stop_at_limit()
  if act then
    add('sl', -1)
    if has('V') then redis.call('HDEL', C, 't:' .. entry) end
    if has('U') then redis.call('HDEL', C, 'u:' .. entry) end
    -- If the item is retried, later reports of this run must not count.
    if to ~= 'succeeded' and act.run ~= '' and string.sub(act.run, 1, 2) ~= 'g:' then make_void(entry, act.run) end
  end
  mark(entry, marks[to])
  -- An item that never started has no result. If its group has not started either, nothing would make the bucket expire or persist.
  if not act or (to == 'succeeded' and g.kr == '0') then
    dropped[#dropped + 1] = entry
  else
    results[#results + 1], results[#results + 2] = entry, marks[to] .. payload
  end
  log[#log + 1] = entry
  -- Counts the bytes of the list of results.
  if to == 'succeeded' then add('rb', size) end
end

-- Frees the slot of an entry, stores its outcome, and fires its own callbacks. The caller must call conclude, which grants the slot again.
-- Memory is freed before more is used, so that work can end while Redis is at its memory limit.
local function end_entry(entry, act, to, payload, size)
  local callback = is_callback(entry)
  if (g.st == 'cancelling' and not callback) or (act and act.cancel == '1') then to, payload = 'cancelled', '' end
  if act and act.child ~= '' then
    if act.state ~= 'returned' then return return_from_body(entry, act, marks[to], payload) end
    to, payload = root_end(entry, to, payload)
    -- The outputs of its children are stored in their own group.
    size = nil
  end
  check_move(entry, state_of(entry, act), to)
  ended_as = to
  if act then remove_active(entry) end
  local spec
  if callback then
    spec = redis.call('HGET', C, entry) or ''
    spec = string.sub(spec, (string.find(spec, '\n', 1, true) or 0) + 1)
  else
    if not specs[entry] then know_specs({ entry }) end
    spec = specs[entry]
  end
  local kept, on_success, on_error = read_spec(spec)
  if callback then
    redis.call('HSET', C, 'r:' .. entry, marks[to] .. payload)
    local superseded = to ~= 'succeeded' and g.rnd > 0 and redis.call('HEXISTS', C, 'n:' .. entry) == 1
    add(to == 'succeeded' and 'cbs' or superseded and 'cbr' or 'cbf', 1)
  else
    if to == 'succeeded' then let_go(entry, spec, kept) end
    store_end(entry, act, to, payload, size or #payload)
  end
  supersede(entry)
  if on_success then
    local well = to == 'succeeded'
    fire(well and on_success or on_error, well and 'success' or 'error', entry)
  end
  if g.wch > now then redis.call('PUBLISH', G, entry) end
end

-- Applies the consequences of all changes that the script has made: ends the group, grants slots, sets expiry, and writes the state.
local function conclude(code)
  write_ends()
  end_group_if_done()
  take_slots()
  expire_group()
  write_group()
  -- Runs last, when all keys exist: cancelling an item of a pending group may have fired callbacks.
  keep_pending()
  return reply(code)
end
