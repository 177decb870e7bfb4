-- back-off: puts an entry back whose body asked to run again after a while.
--- @include "ends"
-- A body may ask as often as this; then its item fails.
local most_back_offs = 1000

-- payload: the ms, a space, and the failure if it asks too often. Returns 'backed-off' or 'ended'.
local function back_off(entry, act, payload)
  if act.cancel == '1' or (group.status == 'cancelling' and not is_callback(entry)) then
    end_entry(entry, act, 'cancelled', '')
    return 'ended'
  end
  local ms, failure = string.match(payload, '^(%d+) (.*)$')
  if redis.call('HINCRBY', C, callback_field.backOffs .. entry, 1) > most_back_offs then
    end_entry(entry, act, 'failed', failure)
    return 'ended'
  end
  act.attempts = int(act.attempts - 1)
  keep_attempts(entry, act)
  if is_callback(entry) then
    make_void(entry, act.run)
    become(entry, act, 'granted')
    act.run, act.process = '', proc
    -- The caller publishes it after the pause. When it does not, the reconciler does a lease later.
    write_active(entry, act, now + ms + lease)
  else
    pause_until(now + ms)
    take_back(entry, act)
  end
  return 'backed-off'
end
