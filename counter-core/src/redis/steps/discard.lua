-- Drops what is pending and claimed of each counter.
--
-- KEYS: of each counter its pending delta and its claim.
-- Returns how many counters held anything. Foreign values stay.

local values = redis.call('MGET', unpack(KEYS))
local dels, dropped = {}, 0
-- A counter that is named again has nothing left.
local was_named = {}
for i = 1, #KEYS, 2 do
  local is_new = not was_named[KEYS[i]]
  was_named[KEYS[i]] = true
  local pending, claim = is_new and values[i], is_new and values[i + 1]
  local before = #dels
  if pending and is_count(pending) then
    dels[#dels + 1] = KEYS[i]
  end
  if claim and sequence_of_claim(claim) then
    dels[#dels + 1] = KEYS[i + 1]
  end
  if #dels > before then
    dropped = dropped + 1
  end
end
if #dels > 0 then
  redis.call('DEL', unpack(dels))
end
return dropped
