-- Tells the identity of the data, and gives it one if it has none.
--
-- KEYS: the identity and the high water.
-- ARGV: the identity that it gets if it has none; the sequence to which the high water is raised then.
-- Returns 'old' or 'new', the high water and the identity; or, having changed nothing, 'foreign' and
-- what is there.

local identity, foreign = read('I', KEYS[1])
if not foreign and identity and not string.find(identity, '^[^:]+:') then
  foreign = foreign_value('I', identity)
end
local high_water, foreign_high_water = read_high_water(KEYS[2])
if foreign or foreign_high_water then
  return { 'foreign', foreign or foreign_high_water }
end
if identity then
  return { 'old', format_sequence(high_water), identity }
end

local raised = math.max(high_water, tonumber(ARGV[2]))
if raised > GREATEST_HIGH_WATER then
  return { 'foreign', foreign_value('H', ARGV[2]) }
end
write_high_water('SET', KEYS[2], raised)
redis.call('SET', KEYS[1], ARGV[1])
return { 'new', format_sequence(raised), ARGV[1] }
