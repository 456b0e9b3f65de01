-- Goes before the scripts that begin a generation, after sequence.lua.

-- Returns the generation, or nil and what is in its place if that is none.
local function read_generation(name)
  local generation, foreign = read('I', name)
  if not foreign and generation and not string.find(generation, '^[^:]+:') then
    return nil, foreign_value('I', generation)
  end
  return generation, foreign
end

-- Returns the generation, which names the database of `begun` from now on if it named none: the
-- database had no id when it was synced first.
local function with_database(name, generation, begun)
  if string.match(generation, '^[^:]+:(.*)$') == '' and not string.match(begun, ':$') then
    generation = generation .. string.match(begun, '^[^:]+:(.*)$')
    redis.call('SET', name, generation)
  end
  return generation
end
