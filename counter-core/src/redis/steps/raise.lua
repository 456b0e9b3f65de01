-- Raises the high water to the present time, or above, and accepts that sequences up to there were
-- given out and forgotten.
--
-- KEYS: the high water and the sequences given out.
-- ARGV: the sequence that the high water becomes no less than.
-- Returns 'ok' and the high water; or, having changed nothing, 'foreign' and what is there.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end
local raised = math.max(now_in_microseconds(), high_water, tonumber(ARGV[1]))
if raised > GREATEST_HIGH_WATER then
  return { 'foreign', foreign_value('H', ARGV[1]) }
end
write_high_water('SET', KEYS[1], raised)
remember(KEYS[2], high_water, raised, raised)
redis.call('ZADD', KEYS[2], format_sequence(raised), 'accepted')
return { 'ok', format_sequence(raised) }
