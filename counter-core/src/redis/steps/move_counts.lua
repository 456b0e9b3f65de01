-- Moves counts from one counter to another, each move at one instant.
--
-- KEYS: of each move the pending deltas of the two counters.
-- ARGV: of each move what is added to the first and to the second.
-- Returns a text for each move. It is empty if the counts were moved. Otherwise nothing of this move
-- was changed, and the text is which counter keeps them from it, 1 or 2, a blank, and why.

local function foreign_count(name)
  local value, foreign = read('K', name)
  if not foreign and value and not is_count(value) then
    foreign = foreign_value('K', value)
  end
  return foreign, value
end

-- Everything is read before the first write.
local why, was_there = {}, {}
for i = 1, #KEYS, 2 do
  local foreign, value = foreign_count(KEYS[i])
  local foreign_second = foreign_count(KEYS[i + 1])
  why[i] = foreign and '1 ' .. foreign or foreign_second and '2 ' .. foreign_second
  was_there[KEYS[i]] = value and true
end

-- Returns what the server says if it refuses.
local function add(name, by)
  local sum = redis.pcall('INCRBY', name, by)
  return type(sum) == 'table' and sum.err or nil
end

local function move(i)
  local refused = add(KEYS[i], ARGV[i])
  if refused then
    return '1 ' .. refused
  end
  refused = add(KEYS[i + 1], ARGV[i + 1])
  if not refused then
    was_there[KEYS[i]], was_there[KEYS[i + 1]] = true, true
    return ''
  end
  redis.call('INCRBY', KEYS[i], ARGV[i + 1])
  if not was_there[KEYS[i]] then
    redis.call('DEL', KEYS[i])
  end
  return '2 ' .. refused
end

local outcomes = {}
for i = 1, #KEYS, 2 do
  outcomes[#outcomes + 1] = why[i] or move(i)
end
return outcomes
