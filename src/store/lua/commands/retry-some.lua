-- retry-some: makes chosen items ready of a group that is prepared for a retry of some of its items.
-- KEYS: 10
-- ARGV: proc, lease, name of the caller's lease on the group, index of the first item that the call decides about, a text with one character for each item from there on (q: it is chosen, -: it stays as it ended), then for each chosen item that changes its entry, its new spec ('' to keep it) and its new own message ('' to keep it)
-- Returns {'continue'|'lost'|'missing', state, grants, callbacks, closing, withdrawn, index of the first item that is not decided yet, how many were chosen in all}
--- @include "retrying"
if not read_group() then return { 'missing' } end
if not has('R') or group.leasedTo ~= ARGV[3] then return reply('lost') end
local cursor = tonumber(redis.call('HGET', G, field.retryCursor))
-- After a lost reply the caller repeats a part, which is skipped.
if cursor == tonumber(ARGV[4]) then
  cursor = prepare_chosen(cursor, #ARGV[5], ARGV[5])
  redis.call('HSET', G, field.retryCursor, int(cursor))
  local fields = {}
  for i = 6, #ARGV, 3 do
    if ARGV[i + 1] ~= '' then fields[#fields + 1], fields[#fields + 2] = ARGV[i], ARGV[i + 1] end
    if ARGV[i + 2] ~= '' then fields[#fields + 1], fields[#fields + 2] = spec_field.ownMessage .. ARGV[i], ARGV[i + 2] end
    note_bytes(#ARGV[i + 1] + #ARGV[i + 2])
  end
  write_all('HSET', S, fields)
end
extend_lease()
write_group()
local answer = reply('continue')
answer[7], answer[8] = int(cursor), redis.call('HGET', G, field.retryCount)
return answer
