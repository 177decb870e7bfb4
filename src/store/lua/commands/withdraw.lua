-- withdraw: takes back runs in which no body has begun, because their entries are suspended.
-- KEYS: 10
-- ARGV: proc, lease, then the entries
-- Returns {'withdrawn'|'missing', state, grants, callbacks, closing, withdrawn}
--- @include "readiness"
if not read_group() then return { 'missing' } end
for _, request in ipairs(read_requests(3, #ARGV, 1, 1)) do
  local entry = request[1]
  local act = read_active(entry)
  if act and act.state == 'published' and can_take_back(entry, act) then
    withdrawn[#withdrawn + 1] = act.run
    take_back(entry, act)
  end
end
return conclude('withdrawn')
