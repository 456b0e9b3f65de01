-- Notes which database the store is synced into from now on.
--
-- KEYS: the generation and the marks.
-- ARGV: the id of the store, the generation with the database; the number and the value of each row
--       of the record.
-- Returns 'ok', or, having changed nothing, 'changed' if the generation has another id, or
-- 'foreign'; and what is there, or an empty text.

local generation, foreign = read('I', KEYS[1])
foreign = foreign or foreign_marks(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end
if not generation or string.match(generation, '^([^:]*):') ~= ARGV[1] then
  return { 'changed', generation or '' }
end
-- A user that lacks a right must not lose the marks. Where memory is full, a script may not begin
-- with a write that takes any.
redis.call('PERSIST', KEYS[2])
local is_written = {}
for i = 3, #ARGV - 2, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  is_written[ARGV[i]] = true
end
redis.call('SET', KEYS[1], ARGV[2])
local marks = redis.call('HGETALL', KEYS[2])
for i = 1, #marks, 2 do
  if not is_written[marks[i]] then
    redis.call('HDEL', KEYS[2], marks[i])
  end
end
return { 'ok', '' }
