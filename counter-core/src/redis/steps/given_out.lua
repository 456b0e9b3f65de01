-- Goes before the scripts that ask whether sequences were given out, after sequence.lua.

local function first_run(members)
  return members[1] == 'accepted' and members[2] or members[1]
end

-- Returns a function that says of a sequence whether it was given out. Of one that is older than
-- all that is remembered, it is known only that it is below the high water.
local function memory(name, high_water)
  local oldest = first_run(redis.call('ZRANGE', name, 0, 1))
  local newest = redis.call('ZRANGE', name, -1, -1, 'WITHSCORES')[2]
  local is_whole = newest and tonumber(newest) == high_water

  return function(seq)
    if tonumber(seq) > high_water then
      return false
    end
    if not is_whole or not oldest or tonumber(seq) < tonumber(oldest) then
      return true
    end
    local first = first_run(redis.call('ZRANGEBYSCORE', name, seq, '+inf', 'LIMIT', 0, 2))
    return tonumber(first) <= tonumber(seq)
  end
end

-- Returns the sequence up to which it is accepted that some were forgotten. Written again, because
-- a server may write a score with an exponent.
local function accepted_in(name)
  return format_sequence(tonumber(redis.call('ZSCORE', name, 'accepted') or '0'))
end
