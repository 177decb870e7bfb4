-- finish: executions end, one or some of a group: results are stored, slots handed on, callbacks and the group's fired.
-- Those of one call have their results in one bucket.
-- KEYS: 9
-- ARGV: proc, lease, number of executions, for each of them its entry, run id, retry count, invocation count, nonce, outcome (succeeded | failed | threw | aborted), payload and retries, then confirmed (entry, run id) pairs
-- Returns {'finished', status, grants, callbacks, more, message version, total, expiring, closing, children, news, for each execution {'ended'|'retry'|'refused', how its entry ended or ''}} | {'unknown'}
--- @include "confirms"
if not read_group() then return { 'unknown' } end
local first, size = 4, 8
local confirmed = first + size * tonumber(ARGV[3])
free_first()
confirm_from(confirmed)

local function finish(entry, run, retry, inv, nonce, outcome, payload, retries)
  local act = read_active(entry)
  if not act or act.state ~= 'running' or act.run ~= run then return 'refused' end
  local current = act.retry == retry and act.inv == inv and act.nonce == nonce
  if current and (act.cancel == '1' or (g.st == 'cancelling' and not is_callback(entry))) then outcome = 'cancelled' end
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
  end
  end_entry(entry, act, outcome, payload)
  return 'ended'
end

local ends, entries = {}, {}
for i = first, confirmed - 1, size do entries[#entries + 1] = ARGV[i] end
read_actives(entries)
know_specs(entries)
for i = first, confirmed - 1, size do
  ended_as = ''
  ends[#ends + 1] = { finish(unpack(ARGV, i, i + size - 1)), ended_as }
end
local answer = settle_group('finished')
answer[12] = ends
return answer
