-- Goes before the scripts that ask slots of a cluster, after given_out.lua.

-- Asks a slot for the sequences in ARGV, from `first` on. Returns those that it has not given out,
-- as far as it remembers, with the one that it has recorded; whether it came back from an old copy;
-- and a function that returns whether a sequence was given out.
--
-- A slot that neither remembers nor accepts a sequence came back from an old copy. It soon forgets
-- what it gave out before, and so it records the newest of these sequences until an operator
-- decides.
local function ask_slot(name, high_water, first)
  local was_given_out = memory(name, high_water)
  local accepted, back = accepted_in(name), back_in(name)
  local forgotten, newest = {}, accepted
  for i = first, #ARGV - 2 do
    if not was_given_out(ARGV[i]) then
      forgotten[#forgotten + 1] = ARGV[i]
      newest = math.max(newest, tonumber(ARGV[i]))
    end
  end
  if back and back > newest then
    forgotten[#forgotten + 1] = format_sequence(back)
  end
  -- A slot without a high water was emptied, and did not come back from an old copy.
  if high_water == 0 then
    return forgotten, false, was_given_out
  end
  if newest > (back or accepted) then
    keep_in_mind(name, newest)
  end
  return forgotten, back ~= nil or newest > accepted, was_given_out
end
