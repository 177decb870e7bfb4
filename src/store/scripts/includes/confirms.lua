-- confirms: publications that were confirmed by the engine: (entry, run id) pairs at the end of ARGV.
-- What runs an entry that is a group itself is that group: 'g:' and its id.
--- @include "ends"
local function confirm_from(i)
  local entries = {}
  for at = i, #ARGV - 1, 2 do entries[#entries + 1] = ARGV[at] end
  read_actives(entries)
  while i < #ARGV do
    local entry, run = ARGV[i], ARGV[i + 1]
    if string.sub(run, 1, 2) == 'g:' then note_child(entry, string.sub(run, 3)) end
    local act = read_active(entry)
    if act and act.state == 'granted' and not is_void(entry, run) then
      become(entry, act, 'published')
      act.run = run
      write_active(entry, act, now + lease)
    end
    i = i + 2
  end
end
