-- Asks whether sequences were given out.
--
-- KEYS: the generation, the high water and the sequences given out.
-- ARGV: the sequences.
-- Returns 'ok', the high water, the generation or an empty text, and of the sequences those that
-- cannot have been given out; or 'foreign' and what is there.
--
-- Of a sequence that is older than all that is remembered, it is known only that it is below the
-- high water.

local generation, foreign = read('I', KEYS[1])
local high_water, foreign_high_water = read_high_water(KEYS[2])
foreign = foreign or foreign_high_water or foreign_given_out(KEYS[3])
if foreign then
  return { 'foreign', foreign }
end
local oldest = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
local newest = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2]
local is_whole = newest and tonumber(newest) == high_water

local function was_given_out(seq)
  if tonumber(seq) > high_water then
    return false
  end
  if not is_whole or tonumber(seq) < tonumber(oldest) then
    return true
  end
  local first = redis.call('ZRANGEBYSCORE', KEYS[3], seq, '+inf', 'LIMIT', 0, 1)[1]
  return tonumber(first) <= tonumber(seq)
end

local answer = { 'ok', format_sequence(high_water), generation or '' }
for i = 1, #ARGV - 2 do
  if not was_given_out(ARGV[i]) then
    answer[#answer + 1] = ARGV[i]
  end
end
return answer
