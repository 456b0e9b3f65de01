-- Takes back the note that everything is scanned.
--
-- KEYS: the note.
-- Returns whether there was one: 1 or 0. What is no note stays.

if redis.call('TYPE', KEYS[1]).ok ~= 'string' then
  return 0
end
return redis.call('DEL', KEYS[1])
