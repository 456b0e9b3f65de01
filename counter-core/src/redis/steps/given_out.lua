-- Goes before the scripts that ask whether sequences were given out, after sequence.lua.

-- Returns a function that says of a sequence whether it was given out. Of one that is older than
-- all that is remembered, it is known only that it is below the high water.
local function memory(name, high_water)
  local oldest = redis.call('ZRANGEBYSCORE', name, '(0', '+inf', 'LIMIT', 0, 1)[1]
  local newest = redis.call('ZRANGE', name, -1, -1, 'WITHSCORES')[2]
  local is_whole = newest and tonumber(newest) == high_water

  return function(seq)
    if tonumber(seq) > high_water then
      return false
    end
    if not is_whole or not oldest or tonumber(seq) < tonumber(oldest) then
      return true
    end
    local first = redis.call('ZRANGEBYSCORE', name, seq, '+inf', 'LIMIT', 0, 1)[1]
    return tonumber(first) <= tonumber(seq)
  end
end
