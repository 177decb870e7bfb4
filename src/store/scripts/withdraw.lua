-- withdraw: takes runs back that no body has begun in, as what they belong to is suspended.
-- KEYS: 9
-- ARGV: proc, lease, then entries
-- Returns {'withdrawn'|'missing', status, grants, callbacks, more, message version, total, expiring, closing, children, news}
--- @include "readiness"
if not read_group() then return { 'missing' } end
for i = 3, #ARGV do
  local act = read_active(ARGV[i])
  if act and act.state == 'published' and can_take_back(ARGV[i], act) then
    withdrawn[#withdrawn + 1] = act.run
    take_back(ARGV[i], act)
  end
end
return done('withdrawn')
