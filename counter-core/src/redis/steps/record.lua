-- Sets the buckets of a reading of a gauge, and its total if no newer reading was recorded.
--
-- KEYS: the high water, the sequences given out and the instant of the newest reading; then of the
--       total and of each bucket its pending delta and its claim.
-- ARGV: what each claim does, as op:value; the instant of the reading; the instant of the newest
--       reading, used if the store knows none, or an empty text; how many milliseconds the newest
--       instant is remembered; how many microseconds an instant may be ahead; for each bucket the
--       end of its period. Instants are in microseconds since 1970.
-- Returns 'ok', the high water, and for each counter its claim, or - if it stays as it is. Or,
-- having changed nothing: 'missing' and the high water if the newest reading is not known;
-- 'foreign', what is there, and a number: none for the first two names, 1 for the third, and that
-- of the counter for the others.
--
-- Everything is read before anything is written.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end
local newest_reading, foreign_newest = read('N', KEYS[3])
if not foreign_newest and newest_reading and not is_count(newest_reading) then
  foreign_newest = foreign_value('N', newest_reading)
end
if foreign_newest then
  return { 'foreign', foreign_newest, '1' }
end
for i = 4, #KEYS, 2 do
  local pending, foreign_there = read('K', KEYS[i])
  if not foreign_there and pending and not is_count(pending) then
    foreign_there = foreign_value('K', pending)
  end
  local claim, foreign_claim = read('F', KEYS[i + 1])
  if not foreign_claim and claim and not sequence_of_claim(claim) then
    foreign_claim = foreign_value('F', claim)
  end
  if foreign_there or foreign_claim then
    return { 'foreign', foreign_there or foreign_claim, tostring((i - 2) / 2) }
  end
end

newest_reading = newest_reading or ARGV[3]
if newest_reading == '' then
  return { 'missing', format_sequence(high_water) }
end
-- A client's clock may be ahead, and must not make later readings older than its own for long.
local now = now_in_microseconds()
local latest = now + tonumber(ARGV[5])
local at, newest_at = tonumber(ARGV[2]), tonumber(newest_reading)
local is_newest = at >= math.min(newest_at, latest)

-- A bucket stays as it is if a newer reading of its own period is known.
local function is_set(counter)
  return is_newest or (counter > 1 and newest_at >= tonumber(ARGV[4 + counter]))
end

local newest = high_water
local first
local outcomes = { 'ok', false }
local dels, sets = {}, {}
for i = 4, #KEYS, 2 do
  if is_set((i - 2) / 2) then
    newest = math.max(now, newest + 1)
    first = first or newest
    local text = format_sequence(newest) .. ':' .. ARGV[1]
    dels[#dels + 1] = KEYS[i]
    sets[#sets + 1] = { KEYS[i + 1], text }
    outcomes[#outcomes + 1] = text
  else
    outcomes[#outcomes + 1] = '-'
  end
end
outcomes[2] = format_sequence(newest)

if first then
  write_high_water('SET', KEYS[1], newest)
  remember(KEYS[2], high_water, first, newest)
  if is_newest and at <= latest then
    redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[4])
  end
  redis.call('DEL', unpack(dels))
  for _, set in ipairs(sets) do
    redis.call('SET', set[1], set[2])
  end
end
return outcomes
