-- Makes a slot of a cluster give out a sequence for a new id of the data. A slot that does not
-- remember what it is known to have given out under the last id came back from an old copy, and
-- gives out none. It records that.
--
-- KEYS: the high water and the sequences given out. ARGV: the sequence, and those that the slot is
-- known to have given out. Raises the high water to the first, if it is lower. Returns 'ok' and the
-- high water; 'back' and the high water; or, having changed nothing, 'foreign' and what is there.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end

local _, came_back, was_given_out = ask_slot(KEYS[2], high_water, 2)
if came_back then
  return { 'back', format_sequence(high_water) }
end

local raised = tonumber(ARGV[1])
if raised > GREATEST_HIGH_WATER then
  return { 'foreign', foreign_value('H', ARGV[1]) }
end
if high_water < raised then
  write_high_water('SET', KEYS[1], raised)
  remember(KEYS[2], high_water, raised, raised)
  return { 'ok', format_sequence(raised) }
end
-- The high water is higher already, because another process has claimed something just now. A
-- sequence in the middle of a run counts as given out.
if not was_given_out(ARGV[1]) then
  redis.call('PERSIST', KEYS[2])
  redis.call('ZADD', KEYS[2], ARGV[1], ARGV[1])
end
return { 'ok', format_sequence(high_water) }
