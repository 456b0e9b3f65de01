-- Returns the generation of the data, and begins one if there is none, where the high waters are in
-- other slots of a cluster. One that names no database names this one from now on.
--
-- KEYS: the generation, the high water of its slot and the marks. ARGV: the generation that begins
-- if there is none. Returns 'old' or 'new', the high water and the generation; or, having changed
-- nothing, 'foreign' and what is there.

local generation, foreign = read_generation(KEYS[1])
local high_water, foreign_high_water = read_high_water(KEYS[2])
foreign = foreign or foreign_high_water or foreign_marks(KEYS[3])
if foreign then
  return { 'foreign', foreign }
end
if generation then
  generation = with_database(KEYS[1], generation, ARGV[1])
  return { 'old', format_sequence(high_water), generation }
end
-- They are of a generation whose id is gone.
redis.call('DEL', KEYS[3])
redis.call('SET', KEYS[1], ARGV[1])
return { 'new', format_sequence(high_water), ARGV[1] }
