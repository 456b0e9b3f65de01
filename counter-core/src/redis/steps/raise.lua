-- Raises the high water to the present time, or above.
--
-- KEYS: the high water.
-- ARGV: the sequence that it becomes no less than.
-- Returns 'ok' and the high water; or, having changed nothing, 'foreign' and what is there.

local high_water, foreign = read_high_water(KEYS[1])
if foreign then
  return { 'foreign', foreign }
end
local raised = math.max(now_in_microseconds(), high_water, tonumber(ARGV[1]))
if raised > GREATEST_HIGH_WATER then
  return { 'foreign', foreign_value('H', ARGV[1]) }
end
write_high_water('SET', KEYS[1], raised)
return { 'ok', format_sequence(raised) }
