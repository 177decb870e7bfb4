-- finish: an execution ends: its result is stored, its slot handed on, its callbacks and its group's are fired.
-- KEYS: 9
-- ARGV: proc, lease, entry, run id, retry count, invocation count, nonce, outcome (succeeded | failed | threw | aborted), payload, retries, then confirmed (entry, run id) pairs
-- Returns {'ended'|'retry'|'refused'|'unknown', status, grants, callbacks, more, message version, total, expiring, closing, children, news}
--- @include "confirms"
if not read_group() then return { 'unknown' } end
confirm_from(11)
local entry, outcome = ARGV[3], ARGV[8]
local act = read_active(entry)
if not act or act.state ~= 'running' or act.run ~= ARGV[4] then return reply('refused') end
local current = act.retry == ARGV[5] and act.inv == ARGV[6] and act.nonce == ARGV[7]
local cancelled = act.cancel == '1' or (g.st == 'cancelling' and not is_callback(entry))
if cancelled and current then outcome = 'cancelled' end
if outcome == 'threw' or outcome == 'aborted' then
  if tonumber(ARGV[5]) > tonumber(act.counted) then
    act.counted = ARGV[5]
    act.throws = int(tonumber(act.throws) + 1)
    write_active(entry, act, now + lease)
  end
  if not current then return reply('refused') end
  if outcome == 'aborted' or tonumber(act.throws) <= tonumber(ARGV[10]) then return reply('retry') end
  outcome = 'failed'
elseif not current then
  return reply('refused')
end
end_entry(entry, act, outcome, ARGV[9])
expire_group()
write_group()
return reply('ended')
