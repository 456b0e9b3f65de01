-- Goes before the scripts that give out sequences, after count.lua.
--
-- ARGV: the last but one is the greatest high water from which a script goes on.

local GREATEST_HIGH_WATER = tonumber(ARGV[#ARGV - 1])

-- How many runs of sequences a store remembers, and how many a slot of a cluster does. The name of
-- a slot's set ends with `:given`.
local REMEMBERED, REMEMBERED_IN_SLOT = 1000, 8

local millions, millions_text

-- The sequences of one script mostly differ only in their last six digits. `%.0f` of a large number
-- takes long, and `%d` takes no large number on some platforms.
local function format_sequence(seq)
  if seq < 1000000 then
    return string.format('%.0f', seq)
  end
  local last = math.fmod(seq, 1000000)
  local before = (seq - last) / 1000000
  if before ~= millions then
    millions, millions_text = before, string.format('%.0f', before)
  end
  return millions_text .. string.format('%06d', last)
end

-- Returns the high water as a number, or nil and what is there instead.
local function read_high_water(name)
  local text, foreign = read('H', name)
  if foreign then
    return nil, foreign
  end
  if not text then
    return 0
  end
  local is_sequence = is_count(text) and string.sub(text, 1, 1) ~= '-'
  if not is_sequence or tonumber(text) > GREATEST_HIGH_WATER then
    return nil, foreign_value('H', text)
  end
  return tonumber(text)
end

-- Returns what is in the place of the sequences given out, if it is something else.
local function foreign_given_out(name)
  local of_type = redis.call('TYPE', name).ok
  if of_type ~= 'zset' and of_type ~= 'none' then
    return 'G!' .. of_type
  end
end

-- Returns what is in the place of the marks, if it is something else.
local function foreign_marks(name)
  local of_type = redis.call('TYPE', name).ok
  if of_type ~= 'hash' and of_type ~= 'none' then
    return 'M!' .. of_type
  end
end

-- Returns the members of the sequences given out that are not runs, as ZADD takes them: 'accepted',
-- which raise.lua sets, and 'back', which ask_slot.lua sets. They are never forgotten. Their
-- scores are negated sequences, so they come before all runs.
local function words_in(name)
  local lowest = redis.call('ZRANGE', name, 0, 1, 'WITHSCORES')
  local words = {}
  for i = 1, #lowest, 2 do
    if tonumber(lowest[i + 1]) < 0 then
      words[#words + 1] = lowest[i + 1]
      words[#words + 1] = lowest[i]
    end
  end
  return words
end

local function sequence_of_word(name, word)
  return 0 - tonumber(redis.call('ZSCORE', name, word) or '0')
end

-- Returns the sequence up to which an operator has accepted forgotten ones, or 0.
local function accepted_in(name)
  return sequence_of_word(name, 'accepted')
end

-- Returns the sequence that was found to be forgotten and is not accepted, or nil. If there is one,
-- the data came back from an old copy.
local function back_in(name)
  local back = sequence_of_word(name, 'back')
  return back > 0 and back > accepted_in(name) and back or nil
end

-- Records a sequence that was found to be forgotten.
local function keep_in_mind(name, forgotten)
  -- When memory is full, Redis refuses a script whose first write needs memory.
  redis.call('PERSIST', name)
  redis.call('ZADD', name, format_sequence(-forgotten), 'back')
end

-- Remembers that all sequences from `first` to `last` were given out, by a script that found this
-- high water. Each member is the first of a run and has the last as its score. Older versions'
-- scripts give out sequences without adding them here. So if the newest run does not end at the
-- high water, the set begins anew, and knows nothing of earlier sequences.
local function remember(name, high_water, first, last)
  local words = words_in(name)
  local newest = redis.call('ZRANGE', name, -1, -1, 'WITHSCORES')[2]
  if newest and tonumber(newest) ~= high_water then
    redis.call('DEL', name)
    if #words > 0 then
      redis.call('ZADD', name, unpack(words))
    end
  end
  redis.call('ZADD', name, format_sequence(last), format_sequence(first))
  local kept = string.sub(name, -6) == ':given' and REMEMBERED_IN_SLOT or REMEMBERED
  redis.call('ZREMRANGEBYRANK', name, #words / 2, -kept - 1)
end

local function now_in_microseconds()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Makes the first two writes of a script that gives out sequences. `set` is the command that sets
-- the claims. When memory is full, Redis refuses a script whose first write needs memory, and a
-- user may lack the right to some command. So the first write changes nothing, and the second sets
-- something where a failure loses nothing. DEL comes next, and nothing is lost if that fails
-- either.
local function write_high_water(set, name, seq)
  redis.call('PERSIST', name)
  redis.call(set, name, format_sequence(seq))
end
