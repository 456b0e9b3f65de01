-- Adds to counters together: to all counters of an item, or to none of them.
--
-- KEYS: the pending deltas of the counters, one item after the other.
-- ARGV: of each item how many counters it has, what is added to each, and what takes that back.
-- Returns a text for each item. If it was counted, that is `+`, and for each counter `1` if nothing
-- was pending before, or else `0`. Otherwise nothing of the item is changed, and the text is the
-- number of the counter that cannot be added to, a blank, and what the server says.

local function take_back(first, last, by)
  for i = first, last do
    -- What was not there, or was 0, goes. A user may have no right to that, and 0 is harmless.
    if redis.call('INCRBY', KEYS[i], by) == 0 then
      redis.pcall('DEL', KEYS[i])
    end
  end
end

local function count(first, last, by, back)
  local found = {}
  for i = first, last do
    local sum = redis.pcall('INCRBY', KEYS[i], by)
    if type(sum) == 'table' then
      take_back(first, i - 1, back)
      return (i - first + 1) .. ' ' .. sum.err
    end
    -- Beyond 2^53 this may take another sum for it, which makes the index name too much.
    found[#found + 1] = sum == tonumber(by) and '1' or '0'
  end
  return '+' .. table.concat(found)
end

local texts, first = {}, 1
for i = 1, #ARGV, 3 do
  local last = first + tonumber(ARGV[i]) - 1
  texts[#texts + 1] = count(first, last, ARGV[i + 1], ARGV[i + 2])
  first = last + 1
end
return texts
