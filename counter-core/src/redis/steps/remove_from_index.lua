-- Removes fields of the index that still have their tokens.
--
-- KEYS: a hash of the index.
-- ARGV: of each field its name and its token.
-- Returns how many were removed.

local fields = {}
for i = 1, #ARGV, 2 do
  fields[#fields + 1] = ARGV[i]
end
local tokens = redis.call('HMGET', KEYS[1], unpack(fields))
local removed = {}
for i = 1, #fields do
  if tokens[i] == ARGV[2 * i] then
    removed[#removed + 1] = fields[i]
  end
end
if #removed == 0 then
  return 0
end
return redis.call('HDEL', KEYS[1], unpack(removed))
