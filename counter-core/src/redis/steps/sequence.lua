-- Goes before the scripts that give out sequences, after count.lua.
--
-- ARGV: the last but one is the greatest high water from which a script goes on.

local GREATEST_HIGH_WATER = tonumber(ARGV[#ARGV - 1])

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
