-- Moves counts from one counter to another, each move at one instant.
--
-- KEYS: the high water; then of each move the pending deltas of the two counters.
-- ARGV: of each move what is added to the first and to the second, then the high water and the
--       pending delta of the first as they were seen.
-- Returns a text for each move. It is empty if the counts were moved. Otherwise nothing of this
-- move was changed. It is 0 if the first counter is not as it was seen, and else which counter
-- keeps them from it, 1 or 2, a blank, and why.

local function foreign_count(name)
  local value, foreign = read('K', name)
  if not foreign and value and not is_count(value) then
    foreign = foreign_value('K', value)
  end
  return foreign, value
end

-- Everything is read before the first write.
local high_water = read('H', KEYS[1]) or '0'
local why, values = {}, {}
for i = 2, #KEYS, 2 do
  local foreign, value = foreign_count(KEYS[i])
  local foreign_second, value_second = foreign_count(KEYS[i + 1])
  why[i] = foreign and '1 ' .. foreign or foreign_second and '2 ' .. foreign_second
  values[KEYS[i]] = value or false
  values[KEYS[i + 1]] = value_second or false
end

-- What this script has changed is read again, because a number in Lua is a double.
local function pending(name)
  if values[name] == nil then
    values[name] = redis.call('GET', name)
  end
  return values[name]
end

-- Returns a count in two numbers, each of which a double holds exactly.
local function halves(count)
  local minus, digits = string.match(count, '^(%-?)(%d+)$')
  local sign = minus == '-' and -1 or 1
  return sign * (tonumber(string.sub(digits, 1, -10)) or 0), sign * tonumber(string.sub(digits, -9))
end

-- Returns -1, 0 or 1: whether a count is less than another, equal to it, or greater.
local function compare(count, other)
  local high, low = halves(count)
  local other_high, other_low = halves(other)
  if high ~= other_high then
    low, other_low = high, other_high
  end
  return low < other_low and -1 or low > other_low and 1 or 0
end

-- The rule of seen.rs.
local function is_allowed(i)
  local by, seen_high_water, seen = ARGV[2 * i - 2], ARGV[2 * i - 1], ARGV[2 * i]
  local counted = compare(pending(KEYS[i]) or '0', seen)
  return high_water == seen_high_water and (counted == 0 or counted == compare(by, '0'))
end

-- Returns what the server says if it refuses.
local function add(name, by)
  local sum = redis.pcall('INCRBY', name, by)
  if type(sum) == 'table' then
    return sum.err
  end
  values[name] = nil
end

local function move(i)
  if not is_allowed(i) then
    return '0'
  end
  local was_there = pending(KEYS[i])
  local refused = add(KEYS[i], ARGV[2 * i - 3])
  if refused then
    return '1 ' .. refused
  end
  refused = add(KEYS[i + 1], ARGV[2 * i - 2])
  if not refused then
    return ''
  end
  redis.call('INCRBY', KEYS[i], ARGV[2 * i - 2])
  if not was_there then
    redis.call('DEL', KEYS[i])
  end
  return '2 ' .. refused
end

local outcomes = {}
for i = 2, #KEYS, 2 do
  outcomes[#outcomes + 1] = why[i] or move(i)
end
return outcomes
