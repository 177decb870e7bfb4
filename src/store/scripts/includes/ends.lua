-- ends: the end of an entry, and of its group when it was the last one.
--- @include "grants"
local function expire_group()
  if not ended() or redis.call('HLEN', A) > 0 then return end
  for i = 1, 9 do redis.call('PEXPIRE', KEYS[i], int(g.ret + g.grace)) end
  put('rt', int(now + g.ret))
  expiring = 1
end

local function end_group_if_done()
  if g.sl > 0 or ended() or g.st == 'pending' then return end
  if g.st == 'running' and not (g.cl == 1 and g.ok + g.ko + g.cx == g.tot) then return end
  local outcome = g.st == 'running' and 'succeeded' or g.st == 'stopping' and 'failed' or 'cancelled'
  local lists = redis.call('HMGET', G, 'k', 'cs', 'ce')
  if lists[1] == 'task' then
    outcome = g.ko > 0 and 'failed' or g.cx > 0 and 'cancelled' or 'succeeded'
  end
  put('st', outcome)
  put('en', int(now))
  if lists[1] ~= 'task' then
    local list = outcome == 'succeeded' and lists[2] or lists[3]
    if list then fire(cjson.decode(list), outcome == 'succeeded' and 'success' or 'error', 'g') end
  end
  redis.call('UNLINK', Q)
  redis.call('PUBLISH', G, 'end')
end

local function note_failure(index)
  add('ko', 1)
  if g.ko <= 100 then redis.call('HSET', C, 'f:' .. int(g.ko), index) end
  if g.sn > 0 and g.ko >= g.sn and g.st == 'running' then
    put('st', 'stopping')
    put('cl', 1)
  end
end

-- Gives back what the entry held, stores how it ended, fires its own callbacks, and hands its slot on.
-- Frees before it grows, so that work can end while Redis is at its memory limit.
local function end_entry(entry, act, to, payload)
  local callback = is_callback(entry)
  if act then
    redis.call('HDEL', A, entry)
    redis.call('ZREM', L, entry)
  end
  local mark = marks[to]
  local spec
  if callback then
    spec = redis.call('HGET', C, entry) or ''
    spec = string.sub(spec, (string.find(spec, '\n', 1, true) or 0) + 1)
    redis.call('HSET', C, 'r:' .. entry, mark .. payload)
  else
    spec = redis.call('HGET', S, entry) or ''
    local header_end = string.find(spec, '\n', 1, true)
    if to == 'succeeded' then
      redis.call('HDEL', S, 'm' .. entry)
      if header_end and header_end < #spec then redis.call('HSET', S, entry, string.sub(spec, 1, header_end)) end
      add('ok', 1)
      if g.kr == '0' then payload = '' end
    elseif to == 'failed' then
      note_failure(entry)
    else
      add('cx', 1)
    end
    if act then add('sl', -1) end
    redis.call('SETRANGE', B, entry, mark)
    redis.call('HSET', R, entry, mark .. payload)
    redis.call('RPUSH', E, entry)
    add('rb', #payload)
  end
  if string.sub(spec, 1, 1) == '*' then
    local header = cjson.decode(string.sub(spec, 2, (string.find(spec, '\n', 1, true) or #spec + 1) - 1))
    local list = to == 'succeeded' and header[5] or header[6]
    if list and list ~= 0 then fire(list, to == 'succeeded' and 'success' or 'error', entry) end
  end
  if g.wch > now then redis.call('PUBLISH', G, entry) end
  end_group_if_done()
  take_slots()
end
