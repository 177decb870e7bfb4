-- finish: ends one or more executions of a group: stores results, grants the free slots, fires callbacks, and ends the group after its last entry.
-- All executions of one call have their results in the same bucket.
-- KEYS: 10
-- ARGV: proc, lease, number of executions, for each of them its entry|run id|retry count|invocation count|nonce|outcome (succeeded | failed | threw | aborted | backed-off: ms, a space and the failure if it did so too often)|retries and its payload, then for each confirmed publication its entry|run id
-- Returns {'finished', state, grants, callbacks, closing, withdrawn, for each execution 'ended'|'retry'|'backed-off'|'refused', then '|' and the outcome of its entry or ''} | {'unknown'}
--- @include "confirms"
--- @include "back-off"
if not read_group() then return { 'unknown' } end
local first = 4
local confirmed = first + 2 * tonumber(ARGV[3])
allow_at_memory_limit()
confirm_from(confirmed)

local function finish(payload, entry, run, retry, inv, nonce, outcome, retries)
  local act = read_active(entry)
  if not act or act.state ~= 'running' or act.run ~= run then return 'refused' end
  local current = act.retryCount == retry and act.invocation == inv and act.nonce == nonce
  if current and (act.cancel == '1' or (group.status == 'cancelling' and not is_callback(entry))) then outcome = 'cancelled' end
  if outcome == 'threw' or outcome == 'aborted' then
    if tonumber(retry) > tonumber(act.counted) then
      act.counted = retry
      act.throws = int(tonumber(act.throws) + 1)
      write_active(entry, act, now + lease)
    end
    if not current then return 'refused' end
    if outcome == 'aborted' or tonumber(act.throws) <= tonumber(retries) then return 'retry' end
    outcome = 'failed'
  elseif not current then
    return 'refused'
  elseif outcome == 'backed-off' then
    return back_off(entry, act, payload)
  end
  end_entry(entry, act, outcome, payload)
  return 'ended'
end

local requests, entries = read_requests(first, confirmed - 1, 2, 7)
know_specs(entries)
local ends = {}
for i, request in ipairs(requests) do
  entry_outcome = ''
  local code = finish(ARGV[first + 2 * i - 1], unpack(request))
  ends[i] = code .. '|' .. entry_outcome
end
local answer = conclude('finished')
answer[7] = ends
return answer
