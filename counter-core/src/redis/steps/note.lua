-- Notes which marks a row of the record has, and then removes each claim that is still exactly the
-- given one. mark.rs has the rule, and says what the words mean that are returned.
--
-- KEYS: the generation and the marks; claims.
-- ARGV: the id of the store, the number of the row, its newest sequence, its marks, the last
--       decision that its transaction knew, or an empty text; the text of each claim.
-- Returns 'taken', 'known', 'unproven' or 'other', the last two having changed nothing; or
-- 'foreign'. What goes with the word is what was there, or empty.

local function is_among(mark, marks)
  return string.find(' ' .. marks .. ' ', ' ' .. mark .. ' ', 1, true) ~= nil
end

local function number_of(mark)
  return tonumber(string.match(mark, '^(%d+):'))
end

local function oldest_of(marks)
  return string.match(marks, '^(%S+)')
end

local function newest_of(marks)
  return string.match(marks, '(%S+)$')
end

local function note_outcome(noted, marks)
  if not noted then
    return 'taken'
  end
  local newest, noted_newest = newest_of(marks), newest_of(noted)
  if is_among(newest, noted) then
    return 'known'
  end
  if is_among(noted_newest, marks) or number_of(noted_newest) < number_of(oldest_of(marks)) then
    return 'taken'
  end
  if number_of(newest) < number_of(oldest_of(noted)) then
    return 'unproven'
  end
  return 'other'
end

local DECISIONS = '-1'

-- Returns whether a transaction knew the last decision, or a newer one. `noted` is the last
-- decision that the store has noted.
local function knows(decision, noted)
  if not noted or decision == noted then
    return true
  end
  return decision ~= '' and number_of(noted) < number_of(decision)
end

local function note()
  local generation = redis.call('GET', KEYS[1])
  if not generation or string.match(generation, '^([^:]*):') ~= ARGV[1] then
    return 'known', ''
  end
  local value = redis.call('HGET', KEYS[2], ARGV[2])
  local noted = value and string.match(value, '^%d+ (%d+:%x+[%x: ]*)$')
  if value and not noted then
    return 'foreign', 'M=' .. string.sub(value, 1, 64)
  end
  local decisions = redis.call('HGET', KEYS[2], DECISIONS)
  local decided = decisions and string.match(decisions, '^%d+ (%d+:%x+)$')
  if decisions and not decided then
    return 'foreign', 'M=' .. string.sub(decisions, 1, 64)
  end
  if not knows(ARGV[5], decided) then
    return 'unproven', decisions
  end
  local word = note_outcome(noted, ARGV[4])
  if word == 'taken' then
    -- Where memory is full, a script may not begin with a write that takes any.
    redis.call('PERSIST', KEYS[2])
    redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. ARGV[4])
    if ARGV[5] ~= '' and ARGV[5] ~= decided then
      redis.call('HSET', KEYS[2], DECISIONS, '0 ' .. ARGV[5])
    end
  end
  return word, value or ''
end

local word, was = note()
if #KEYS == 2 or (word ~= 'taken' and word ~= 'known') then
  return { word, was }
end
local values = redis.call('MGET', unpack(KEYS, 3))
local acked = {}
for i = 1, #values do
  if values[i] == ARGV[5 + i] then
    acked[#acked + 1] = KEYS[2 + i]
  end
end
if #acked > 0 then
  redis.call('DEL', unpack(acked))
end
return { word, was }
