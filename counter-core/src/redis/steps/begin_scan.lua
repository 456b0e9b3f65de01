-- Notes that the caller scans everything, unless that was done not long ago.
--
-- KEYS: the note.
-- ARGV: how many milliseconds ago is not long ago.
-- Returns whether the caller has to scan: 1 or 0. A note that does not expire soon enough is not
-- believed: it is of a caller that scans less often, or has lost its expiry.

local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left <= tonumber(ARGV[1]) then
  return 0
end
local of_type = redis.call('TYPE', KEYS[1]).ok
if of_type == 'none' or of_type == 'string' then
  redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
end
return 1
