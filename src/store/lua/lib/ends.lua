-- ends: completes an entry, and the group when the entry was its last one.
--- @include "results"
--- @include "pending"
-- At its memory limit Redis refuses a script whose first write may use more memory. This first write never does, so that ends are
-- still accepted; they free memory.
local function allow_at_memory_limit()
  redis.call('HDEL', A, '')
end

local function note_failure(index)
  add(field.failed, 1)
  if group.failed <= 100 then redis.call('HSET', C, callback_field.failure .. int(group.failed), index) end
end

-- Failures that stayed in a retry count. But only a further one stops the group, so that the retried items can run.
local function stop_at_limit()
  if group.status ~= 'running' or has('R') or group.failed <= group.failuresKept or not is_limit_reached() then return end
  -- Running items are cancelled as if a user had cancelled the group, but the group fails.
  if group.onStop == 'cancel' then redis.call('HSET', G, field.cancelledBy, 'failures') end
  move_to(group.onStop == 'cancel' and 'cancelling' or 'stopping')
  if not is_filled_by_body() then put(field.closed, 1) end
end

-- Stores the end of a root's body. The root itself ends when its children have ended.
local function return_from_body(entry, act, mark, payload)
  become(entry, act, 'returned')
  redis.call('HSET', C, callback_field.bodyResult .. entry, mark .. payload)
  write_active(entry, act, now + lease)
  closing[#closing + 1], closing[#closing + 2] = entry, act.child
end

-- Returns how a root ends: as its body did, unless the body succeeded; then as its children did.
local function root_end(entry, to, payload)
  local body = redis.call('HGET', C, callback_field.bodyResult .. entry) or 's'
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
local function drop_bound_data(entry, spec, kept)
  if kept == #spec or is_single() or is_sequence() then return end
  headers[#headers + 1], headers[#headers + 2] = entry, string.sub(spec, 1, kept) .. '-'
end

-- Stores the end of an item, and counts it.
local function store_end(entry, act, to, payload, size)
  if to == 'succeeded' then
    messages[#messages + 1] = spec_field.ownMessage .. entry
    add(field.succeeded, 1)
    if group.keepResults == '0' then payload, size = '', 0 end
  elseif to == 'failed' then
    note_failure(entry)
  else
    add(field.cancelled, 1)
    if is_sequence() and group.status == 'running' then move_to('cancelling') end
  end
  stop_at_limit()
  if act then
    add(field.running, -1)
    if has('U') then redis.call('HDEL', C, callback_field.untakenSince .. entry) end
    -- If the item is retried, later reports of this run must not count.
    if to ~= 'succeeded' and act.run ~= '' and string.sub(act.run, 1, 2) ~= 'g:' then make_void(entry, act.run) end
  end
  mark(entry, marks[to])
  -- An item that never started has no result. If its group has not started either, nothing would make the bucket expire or persist.
  if not act or (to == 'succeeded' and group.keepResults == '0') then
    dropped[#dropped + 1] = entry
  else
    results[#results + 1], results[#results + 2] = entry, marks[to] .. payload
  end
  log[#log + 1] = entry
  -- Counts the bytes of the list of results.
  if to == 'succeeded' then add(field.resultBytes, size) end
end

-- Frees the slot of an entry, stores its outcome, and fires its own callbacks. The caller must call conclude, which grants the slot again.
-- Memory is freed before more is used, so that work can end while Redis is at its memory limit.
local function end_entry(entry, act, to, payload, size)
  local callback = is_callback(entry)
  if (group.status == 'cancelling' and not callback) or (act and act.cancel == '1') then to, payload = 'cancelled', '' end
  if act and act.child ~= '' then
    if act.state ~= 'returned' then return return_from_body(entry, act, marks[to], payload) end
    to, payload = root_end(entry, to, payload)
    -- The outputs of its children are stored in their own group.
    size = nil
  end
  check_move(entry, state_of(entry, act), to)
  entry_outcome = to
  if act then
    if has('V') then redis.call('HDEL', C, callback_field.spentAttempts .. entry, callback_field.backOffs .. entry) end
    -- What no wrapper reports, such as a workflow, has begun without a claim.
    if to == 'cancelled' then return_token(act) else spend_token(act) end
    remove_active(entry)
  end
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
    redis.call('HSET', C, callback_field.callbackResult .. entry, marks[to] .. payload)
    local superseded = to ~= 'succeeded' and group.round > 0 and redis.call('HEXISTS', C, callback_field.newerFiring .. entry) == 1
    add(to == 'succeeded' and field.callbacksSucceeded or superseded and field.callbacksRepeated or field.callbacksFailed, 1)
  else
    if to == 'succeeded' then drop_bound_data(entry, spec, kept) end
    store_end(entry, act, to, payload, size or #payload)
  end
  note_end(entry, act)
  supersede(entry)
  if on_success then
    local well = to == 'succeeded'
    fire(well and on_success or on_error, well and 'success' or 'error', entry)
  end
  if group.watchUntil > now then redis.call('PUBLISH', G, entry) end
end

-- Applies the consequences of all changes that the script has made: ends the group, grants slots, sets expiry, and writes the state.
local function conclude(code)
  write_ends()
  close_if_idle()
  end_group_if_done()
  take_slots()
  expire_group()
  write_group()
  -- Runs last, when all keys exist: cancelling an item of a pending group may have fired callbacks.
  keep_pending()
  return reply(code)
end
