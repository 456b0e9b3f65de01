-- Asks whether sequences of one slot of a cluster were given out.
--
-- KEYS: the high water and the sequences given out. ARGV: the sequences. Returns 'ok', the high
-- water, the sequence up to which it is accepted that some were forgotten, and of the sequences
-- asked for those that cannot have been given out; or 'foreign' and what is there.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end

local was_given_out = memory(KEYS[2], high_water)
local answer = { 'ok', format_sequence(high_water), accepted_in(KEYS[2]) }
for i = 1, #ARGV - 2 do
  if not was_given_out(ARGV[i]) then
    answer[#answer + 1] = ARGV[i]
  end
end
return answer
