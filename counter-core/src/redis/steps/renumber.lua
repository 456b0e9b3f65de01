-- Gives a claim another sequence, if it is still exactly the given one.
--
-- KEYS: the high water, the sequences given out and the claim.
-- ARGV: the text of the claim; the sequence that the new one is above.
-- Returns 'ok', the high water and the claim; or, having changed nothing: 'gone' and the high
-- water; 'foreign' and what is there.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end
if read('F', KEYS[3]) ~= ARGV[1] then
  return { 'gone', format_sequence(high_water) }
end

local seq = math.max(now_in_microseconds(), high_water + 1, tonumber(ARGV[2]) + 1)
if seq > GREATEST_HIGH_WATER then
  return { 'foreign', foreign_value('H', ARGV[2]) }
end
local text = format_sequence(seq) .. string.match(ARGV[1], ':.*')
write_high_water('SET', KEYS[1], seq)
remember(KEYS[2], high_water, seq, seq)
redis.call('SET', KEYS[3], text)
return { 'ok', format_sequence(seq), text }
