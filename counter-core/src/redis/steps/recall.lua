-- Asks whether sequences were given out.
--
-- KEYS: the generation, the high water, the sequences given out and the marks.
-- ARGV: the sequences.
-- Returns 'ok', the high water, the generation or an empty text, the sequence up to which it is
-- accepted that some were forgotten, the rows and values of the marks, and of the sequences asked for
-- those that cannot have been given out; or 'foreign' and what is there.
--
-- Of a sequence that is older than all that is remembered, it is known only that it is below the
-- high water.

local generation, foreign = read('I', KEYS[1])
local high_water, foreign_high_water = read_high_water(KEYS[2])
foreign = foreign or foreign_high_water or foreign_given_out(KEYS[3]) or foreign_marks(KEYS[4])
if foreign then
  return { 'foreign', foreign }
end

local function first_run(members)
  return members[1] == 'accepted' and members[2] or members[1]
end

local oldest = first_run(redis.call('ZRANGE', KEYS[3], 0, 1))
local newest = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2]
local is_whole = newest and tonumber(newest) == high_water

local function was_given_out(seq)
  if tonumber(seq) > high_water then
    return false
  end
  if not is_whole or not oldest or tonumber(seq) < tonumber(oldest) then
    return true
  end
  local first = first_run(redis.call('ZRANGEBYSCORE', KEYS[3], seq, '+inf', 'LIMIT', 0, 2))
  return tonumber(first) <= tonumber(seq)
end

-- Written again, because a server may write a score with an exponent.
local accepted = format_sequence(tonumber(redis.call('ZSCORE', KEYS[3], 'accepted') or '0'))
local marks = redis.call('HGETALL', KEYS[4])
local answer = { 'ok', format_sequence(high_water), generation or '', accepted, marks }
for i = 1, #ARGV - 2 do
  if not was_given_out(ARGV[i]) then
    answer[#answer + 1] = ARGV[i]
  end
end
return answer
