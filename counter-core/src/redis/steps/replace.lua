-- Drops what is pending and claimed of a counter and puts another claim in its place.
--
-- KEYS: the high water, the counter's pending delta and its claim.
-- ARGV: what the claim does, as op:value.
-- Returns 'ok', the high water and the claim; or, having changed nothing, 'foreign' and what is
-- there.

local high_water, foreign = read_high_water(KEYS[1])
if foreign then
  return { 'foreign', foreign }
end
local pending, foreign_pending = read('K', KEYS[2])
if not foreign_pending and pending and not is_count(pending) then
  foreign_pending = foreign_value('K', pending)
end
local claim, foreign_claim = read('F', KEYS[3])
if not foreign_claim and claim and not sequence_of_claim(claim) then
  foreign_claim = foreign_value('F', claim)
end
if foreign_pending or foreign_claim then
  return { 'foreign', foreign_pending or foreign_claim }
end

local seq = math.max(now_in_microseconds(), high_water + 1)
local text = format_sequence(seq) .. ':' .. ARGV[1]
write_high_water('SET', KEYS[1], seq)
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[3], text)
return { 'ok', format_sequence(seq), text }
