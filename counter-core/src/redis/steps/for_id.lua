-- Prepended, after given_out.lua, to the scripts that raise slots of a cluster for a new id of the
-- data.

-- Returns whether a slot came back from an old copy, and a function that returns whether a sequence
-- was given out. ARGV, from `first` on, has sequences that the slot is known to have given out.
local function came_back(given_out, high_water, first)
  local was_given_out = memory(given_out, high_water)
  -- An emptied slot has nothing to remember.
  if high_water == 0 then
    return false, was_given_out
  end
  local accepted = accepted_in(given_out)
  for i = first, #ARGV - 2 do
    if tonumber(ARGV[i]) > accepted and not was_given_out(ARGV[i]) then
      return true, was_given_out
    end
  end
  return back_in(given_out) ~= nil, was_given_out
end
