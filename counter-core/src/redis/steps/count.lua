-- Goes before the scripts that read counts and claims. Counts stay strings, because a number in Lua
-- is a double.
--
-- ARGV: the last one is the greatest sequence of a claim.

local GREATEST_SEQUENCE = tonumber(ARGV[#ARGV])

-- Returns whether a string is a signed 64-bit integer as Redis and text.rs write it.
local function is_count(text)
  if #text > 20 then
    return false
  end
  -- Most are.
  if #text < 19 and string.find(text, '^[1-9]%d*$') then
    return true
  end
  local sign, digits = string.match(text, '^(%-?)(%d+)$')
  if not digits then
    return false
  end
  if string.sub(digits, 1, 1) == '0' then
    return text == '0'
  end
  if #digits ~= 19 then
    return #digits < 19
  end
  -- In two halves, each of which a double holds exactly.
  local high, low = tonumber(string.sub(digits, 1, 9)), tonumber(string.sub(digits, 10))
  local greatest_low = sign == '-' and 6854775808 or 6854775807
  return high < 922337203 or (high == 922337203 and low <= greatest_low)
end

-- Returns the sequence of a string that is a claim as claim.rs writes it, or nil.
local function sequence_of_claim(text)
  if #text > 45 then
    return nil
  end
  local seq, op, value = string.match(text, '^(%d+):(%l+):(%-?%d+)$')
  if not seq or seq == '0' or not is_count(seq) or not is_count(value) then
    return nil
  end
  if tonumber(seq) > GREATEST_SEQUENCE then
    return nil
  end
  if op == 'add' or op == 'set' or (op == 'del' and value == '0') then
    return tonumber(seq)
  end
  return nil
end

-- Returns a foreign value in the short form that found.rs reads.
local function foreign_value(which, value)
  return which .. '=' .. string.sub(value, 1, 64)
end

-- Returns a string's value, or nil where there is none, and what is there instead if it is no
-- string.
local function read(which, name)
  local value = redis.pcall('GET', name)
  if type(value) ~= 'table' then
    return value or nil
  end
  if not string.find(value.err, 'WRONGTYPE', 1, true) then
    return redis.call('GET', name)
  end
  return nil, which .. '!' .. redis.call('TYPE', name).ok
end
