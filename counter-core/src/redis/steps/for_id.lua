-- Goes before the scripts that raise slots of a cluster for a new id of the data, after
-- given_out.lua.

-- Returns whether a slot came back from an old copy, and a function that says of a sequence whether
-- it was given out. The slot is known to have given out the sequences in ARGV from the one at
-- `first` on.
local function came_back(given_out, high_water, first)
  local was_given_out = memory(given_out, high_water)
  -- One that was emptied has nothing to remember.
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
