-- Asks whether sequences of one slot of a cluster were given out. A slot that came back from an old
-- copy records that.
--
-- KEYS: the high water and the sequences given out. ARGV: the sequences. Returns 'ok', the high
-- water, the sequence up to which forgetting is accepted, and those sequences, of the given and the
-- recorded ones, that the slot has not given out as far as it remembers. Or 'foreign' and what is
-- there.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end

local accepted = format_sequence(accepted_in(KEYS[2]))
local forgotten = ask_slot(KEYS[2], high_water, 1)
return { 'ok', format_sequence(high_water), accepted, unpack(forgotten) }
