-- Goes before the scripts that give out sequences, after count.lua.
--
-- ARGV: the last but one is the greatest high water from which a script goes on.

local GREATEST_HIGH_WATER = tonumber(ARGV[#ARGV - 1])

-- How many runs of sequences a store remembers, and how many of each slot where each slot of a
-- cluster has its own, whose name ends like that.
local REMEMBERED, REMEMBERED_IN_SLOT = 1000, 8

local function format_sequence(seq)
  return string.format('%.0f', seq)
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

-- Remembers that all sequences from `first` to `last` were given out, by a script that found this
-- high water. Each member is the first of a run and has the last as its score. Of a script that
-- does not know this set, no sequence is in it: so if the newest run does not end at the high
-- water, the set begins anew, and says nothing of what was before. The member 'accepted' is no run;
-- raise.lua sets it.
local function remember(name, high_water, first, last)
  local newest = redis.call('ZRANGE', name, -1, -1, 'WITHSCORES')[2]
  if newest and tonumber(newest) ~= high_water then
    redis.call('DEL', name)
  end
  redis.call('ZADD', name, format_sequence(last), format_sequence(first))
  local kept = string.sub(name, -6) == ':given' and REMEMBERED_IN_SLOT or REMEMBERED
  redis.call('ZREMRANGEBYRANK', name, 0, -kept - 1)
end

local function now_in_microseconds()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Makes the first two writes of a script that gives out sequences. `set` is the command that sets
-- the claims. Where memory is full, a script may not begin with a write that takes any, and a user
-- may lack the right to some command. So the first write changes nothing, and the second sets
-- something where a failure loses nothing. DEL comes next, and nothing is lost if that fails
-- either.
local function write_high_water(set, name, seq)
  redis.call('PERSIST', name)
  redis.call(set, name, format_sequence(seq))
end
