-- Removes each claim that is still exactly the given one.
--
-- KEYS: claims.
-- ARGV: the text of each.
-- Returns how many were removed.

local values = redis.call('MGET', unpack(KEYS))
local acked = {}
for i = 1, #KEYS do
  if values[i] == ARGV[i] then
    acked[#acked + 1] = KEYS[i]
  end
end
if #acked == 0 then
  return 0
end
return redis.call('DEL', unpack(acked))
