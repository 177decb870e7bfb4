-- back-off: puts an entry back whose body asked to run again after a while.
--- @include "ends"
-- A body may ask as often as this; then its item fails. In a group that has stopped it fails at once.
local most_back_offs = 1000

-- payload: the ms, a space, and the failure if it asks too often. Returns 'backed-off' or 'ended'.
local function back_off(entry, act, payload)
  if act.cancel == '1' or (group.status == 'cancelling' and not is_callback(entry)) then
    end_entry(entry, act, 'cancelled', '')
    return 'ended'
  end
  local ms, failure = string.match(payload, '^(%d+) (.*)$')
  -- A stopped group starts nothing more.
  local is_stopped = not is_callback(entry) and group.status ~= 'running'
  if is_stopped or redis.call('HINCRBY', C, callback_field.backOffs .. entry, 1) > most_back_offs then
    end_entry(entry, act, 'failed', failure)
    return 'ended'
  end
  act.attempts = int(act.attempts - 1)
  keep_attempts(entry, act)
  if is_callback(entry) then
    make_void(entry, act.run)
    become(entry, act, 'granted')
    -- It belongs to no process, so any process may publish it: the caller does so after the pause, otherwise the reconciler one lease later.
    act.run, act.process = '', ''
    if act.attempts == '0' then act.startedAt = '' end
    write_active(entry, act, now + ms + lease)
  else
    pause_until(now + ms)
    take_back(entry, act)
  end
  return 'backed-off'
end
