-- Asks whether sequences of one slot of a cluster were given out. If the slot neither remembers nor
-- accepts one of them, it came back from an old copy. It records that until an operator decides,
-- because it soon forgets what it gave out before.
--
-- KEYS: the high water and the sequences given out. ARGV: the sequences. Returns 'ok', the high
-- water, the sequence up to which forgetting is accepted, and those sequences, of the given and the
-- recorded ones, that the slot has not given out as far as it remembers. Or 'foreign' and what is
-- there.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end

local was_given_out = memory(KEYS[2], high_water)
local accepted, back = accepted_in(KEYS[2]), back_in(KEYS[2])
local answer = { 'ok', format_sequence(high_water), format_sequence(accepted) }
local newest = accepted
for i = 1, #ARGV - 2 do
  if not was_given_out(ARGV[i]) then
    answer[#answer + 1] = ARGV[i]
    newest = math.max(newest, tonumber(ARGV[i]))
  end
end
if back and back > newest then
  answer[#answer + 1] = format_sequence(back)
end
-- A slot without a high water was emptied, and did not come back from an old copy.
if high_water > 0 and newest > accepted and newest > (back or 0) then
  -- When memory is full, Redis refuses a script whose first write needs memory.
  redis.call('PERSIST', KEYS[2])
  redis.call('ZADD', KEYS[2], format_sequence(-newest), 'back')
end
return answer
