-- kinds: what the groups of each kind do. No other script names a kind. src/orchestrator/kinds.ts has what they are outside the store.
--- @include "group"

-- One task that was run by itself. Its end is the end of the group.
local function is_single()
  return group.kind == 'task'
end

-- A chain: each item gets the output of the one before, so a cancelled one ends it. It is made with one slot and a failure limit of 1.
local function is_sequence()
  return group.kind == 'chain'
end

-- The children of a root: its body adds them, also after the group was stopped. The group waits until the body has ended and closed it.
local function is_filled_by_body()
  return group.kind == 'root'
end

-- The outputs of a swarm are a list. A waiting process receives it with the end of the swarm, when it is small.
local function gives_list()
  return group.kind == 'swarm'
end
