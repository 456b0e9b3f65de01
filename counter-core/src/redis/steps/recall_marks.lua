-- Returns the marks of the store, where the high waters are in other slots of a cluster.
--
-- KEYS: the generation and the marks.
-- Returns what recall.lua returns, with a high water of 0; or 'foreign' and what is there.

local generation, foreign = read('I', KEYS[1])
foreign = foreign or foreign_marks(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end
return { 'ok', '0', generation or '', '0', redis.call('HGETALL', KEYS[2]) }
