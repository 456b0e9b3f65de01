-- Returns the generation of the data, and begins one if there is none. One that names no database
-- names this one from now on.
--
-- KEYS: the generation, the high water, the sequences given out and the marks.
-- ARGV: the generation that begins if there is none; the sequence to which that raises the high
--       water, or to the present time.
-- Returns 'old' or 'new', the high water and the generation; or, having changed nothing, 'foreign'
-- and what is there.

local generation, foreign = read_generation(KEYS[1])
local high_water, foreign_high_water = read_high_water(KEYS[2])
foreign = foreign or foreign_high_water or foreign_given_out(KEYS[3]) or foreign_marks(KEYS[4])
if foreign then
  return { 'foreign', foreign }
end
if generation then
  generation = with_database(KEYS[1], generation, ARGV[1])
  return { 'old', format_sequence(high_water), generation }
end

local raised = math.max(now_in_microseconds(), high_water, tonumber(ARGV[2]))
if raised > GREATEST_HIGH_WATER then
  return { 'foreign', foreign_value('H', ARGV[2]) }
end
write_high_water('SET', KEYS[2], raised)
remember(KEYS[3], high_water, raised, raised)
-- They are of a generation whose id is gone.
redis.call('DEL', KEYS[4])
redis.call('SET', KEYS[1], ARGV[1])
return { 'new', format_sequence(raised), ARGV[1] }
