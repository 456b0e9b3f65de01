-- Raises the high water to the present time, or above. Accepts that sequences up to there were
-- given out and forgotten. If the high water was lost there is nothing to accept: all data is gone,
-- and no old counts came back.
--
-- KEYS: the high water and the sequences given out.
-- ARGV: the lowest sequence to raise the high water to; 0 to raise it only if it was lost, the
--       sequence that a slot must have recorded as forgotten, or -1 to raise it in any case.
-- Returns 'ok' and the high water; or, having changed nothing, 'changed' and the high water if
-- something else is recorded, or 'foreign' and what is there.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end
local only = tonumber(ARGV[2])
if only == 0 and high_water > 0 then
  return { 'ok', format_sequence(high_water) }
end
if only > 0 and back_in(KEYS[2]) ~= only then
  -- This may have been done, and the answer been lost. Otherwise another copy has come back.
  local is_done = not back_in(KEYS[2]) and accepted_in(KEYS[2]) >= only
  return { is_done and 'ok' or 'changed', format_sequence(high_water) }
end
local back = sequence_of_word(KEYS[2], 'back')
local raised = math.max(now_in_microseconds(), high_water, tonumber(ARGV[1]), back)
if raised > GREATEST_HIGH_WATER then
  return { 'foreign', foreign_value('H', ARGV[1]) }
end
write_high_water('SET', KEYS[1], raised)
remember(KEYS[2], high_water, raised, raised)
if high_water > 0 then
  redis.call('ZADD', KEYS[2], format_sequence(-raised), 'accepted')
end
return { 'ok', format_sequence(raised) }
