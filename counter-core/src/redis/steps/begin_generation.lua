-- Returns the generation of the data. If there is none, begins one for which the other slots have
-- been raised. A generation that names no database gets the name of this one.
--
-- KEYS: the generation, the high water of its slot, the sequences given out there, and the marks.
-- ARGV: the generation that begins if there is none; the sequence to which that raises the high
--       water, or 0 if none may begin; the high water before what is known was read; and what the
--       slot is known to have given out.
-- Returns 'old' or 'new', the high water and the generation. Or, having changed nothing: 'changed'
-- and the high water if none may begin or another one has begun meanwhile; 'foreign' and what is
-- there.

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

local raised = tonumber(ARGV[2])
if raised == 0 or high_water ~= tonumber(ARGV[3]) then
  return { 'changed', format_sequence(high_water) }
end
if raised > GREATEST_HIGH_WATER then
  return { 'foreign', foreign_value('H', ARGV[2]) }
end
-- A slot that came back is not raised, so that it is found in the new generation too.
local _, came_back = ask_slot(KEYS[3], high_water, 4)
if not came_back then
  write_high_water('SET', KEYS[2], raised)
  remember(KEYS[3], high_water, raised, raised)
  high_water = raised
end
-- These marks belong to a generation whose id is gone.
redis.call('DEL', KEYS[4])
redis.call('SET', KEYS[1], ARGV[1])
return { 'new', format_sequence(high_water), ARGV[1] }
