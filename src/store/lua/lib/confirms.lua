-- confirms: stores publications that the engine has accepted: entries with their run ids, at the end of ARGV.
-- An entry that is a group has that group in place of a run: 'g:' and its id.
--- @include "ends"
local function confirm_from(i)
  for _, confirmed in ipairs(read_requests(i, #ARGV, 1, 2)) do
    local entry, run = unpack(confirmed)
    if string.sub(run, 1, 2) == 'g:' then note_child(entry, string.sub(run, 3)) end
    local act = read_active(entry)
    if act and act.state == 'granted' and not is_void(entry, run) then
      become(entry, act, 'published')
      act.run = run
      -- A group begins when it is published.
      if string.sub(run, 1, 2) == 'g:' then
        spend_token(act)
        if act.attempts == '0' then note_begin(act) end
      end
      write_active(entry, act, now + lease)
    end
  end
  plan_after_begin()
end
