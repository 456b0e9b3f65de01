-- Begins an operator's decision about a slot that came back from an old copy: records another
-- sequence as forgotten. A copy that comes back after that does not have it.
--
-- KEYS: the sequences given out.
-- ARGV: the sequence that the slot must have recorded; the one that it records from now on, which
--       is greater.
-- Returns 'ok' and an empty text; or, having changed nothing, 'changed' and an empty text if
-- something else is recorded, or 'foreign' and what is there.

local foreign = foreign_given_out(KEYS[1])
if foreign then
  return { 'foreign', foreign }
end
-- This may have been done, and the answer been lost.
local back = back_in(KEYS[1])
if back ~= tonumber(ARGV[1]) and back ~= tonumber(ARGV[2]) then
  return { 'changed', '' }
end
keep_in_mind(KEYS[1], tonumber(ARGV[2]))
return { 'ok', '' }
