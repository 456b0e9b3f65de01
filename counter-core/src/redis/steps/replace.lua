-- Drops what is pending and claimed of a counter and puts another claim in its place.
--
-- KEYS: the high water, the sequences given out, the counter's pending delta and its claim.
-- ARGV: what the claim does, as op:value.
-- Returns 'ok', the high water and the claim; or, having changed nothing, 'foreign' and what is
-- there.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end
local pending, foreign_pending = read('K', KEYS[3])
if not foreign_pending and pending and not is_count(pending) then
  foreign_pending = foreign_value('K', pending)
end
local claim, foreign_claim = read('F', KEYS[4])
if not foreign_claim and claim and not sequence_of_claim(claim) then
  foreign_claim = foreign_value('F', claim)
end
if foreign_pending or foreign_claim then
  return { 'foreign', foreign_pending or foreign_claim }
end

local seq = math.max(now_in_microseconds(), high_water + 1)
local text = format_sequence(seq) .. ':' .. ARGV[1]
write_high_water('SET', KEYS[1], seq)
remember(KEYS[2], high_water, seq, seq)
redis.call('DEL', KEYS[3])
redis.call('SET', KEYS[4], text)
return { 'ok', format_sequence(seq), text }
