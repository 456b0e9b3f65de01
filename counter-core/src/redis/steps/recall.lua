-- Asks whether sequences were given out.
--
-- KEYS: the generation, the high water, the sequences given out and the marks. ARGV: the sequences.
-- Returns 'ok', the high water, the generation or an empty text, the sequence up to which it is
-- accepted that some were forgotten, the rows and values of the marks, and of the sequences asked
-- for those that cannot have been given out; or 'foreign' and what is there.

local generation, foreign = read('I', KEYS[1])
local high_water, foreign_high_water = read_high_water(KEYS[2])
foreign = foreign or foreign_high_water or foreign_given_out(KEYS[3]) or foreign_marks(KEYS[4])
if foreign then
  return { 'foreign', foreign }
end

local was_given_out = memory(KEYS[3], high_water)
local marks = redis.call('HGETALL', KEYS[4])
local accepted = format_sequence(accepted_in(KEYS[3]))
local answer = { 'ok', format_sequence(high_water), generation or '', accepted, marks }
for i = 1, #ARGV - 2 do
  if not was_given_out(ARGV[i]) then
    answer[#answer + 1] = ARGV[i]
  end
end
return answer
