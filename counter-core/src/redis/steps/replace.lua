-- Drops what is pending and claimed of each counter and puts another claim in its place.
--
-- KEYS: the high water and the sequences given out; then of each counter its pending delta and its
--       claim.
-- ARGV: what each claim does, as op:value; if they are replaced only as they were seen, of each
--       counter the high water and the pending delta that were seen.
-- Returns 'ok', the high water, and for each counter its claim; or - if it is not as it was seen,
-- or x and what is in its place, in which cases that counter is unchanged. Or, having changed
-- nothing, 'foreign' and what is in the place of the first two names.
--
-- Everything is read before anything is written. If a counter is named twice, its last claim stays.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end

local function foreign_in(pending_name, claim_name)
  local pending, foreign_pending = read('K', pending_name)
  if not foreign_pending and pending and not is_count(pending) then
    foreign_pending = foreign_value('K', pending)
  end
  local claim, foreign_claim = read('F', claim_name)
  if not foreign_claim and claim and not sequence_of_claim(claim) then
    foreign_claim = foreign_value('F', claim)
  end
  return foreign_pending or foreign_claim, pending
end

-- Returns whether nothing was claimed, set or counted since the counter of this number was seen.
local counters = (#KEYS - 2) / 2
local is_compared = #ARGV - 2 > counters
local function is_as_seen(counter, pending)
  local seen_high_water, seen = ARGV[counters + 2 * counter - 1], ARGV[counters + 2 * counter]
  return format_sequence(high_water) == seen_high_water and (pending or '0') == seen
end

local now = now_in_microseconds()
local newest = high_water
local first
local outcomes = { 'ok', false }
local dels, sets = {}, {}
for i = 1, #KEYS - 2, 2 do
  local pending_name, claim_name = KEYS[i + 2], KEYS[i + 3]
  local counter = (i + 1) / 2
  local foreign_there, pending = foreign_in(pending_name, claim_name)
  if foreign_there then
    outcomes[#outcomes + 1] = 'x' .. foreign_there
  elseif is_compared and not is_as_seen(counter, pending) then
    outcomes[#outcomes + 1] = '-'
  else
    newest = math.max(now, newest + 1)
    first = first or newest
    local text = format_sequence(newest) .. ':' .. ARGV[counter]
    dels[#dels + 1] = pending_name
    sets[#sets + 1] = { claim_name, text }
    outcomes[#outcomes + 1] = text
  end
end
outcomes[2] = format_sequence(newest)

if first then
  write_high_water('SET', KEYS[1], newest)
  remember(KEYS[2], high_water, first, newest)
  redis.call('DEL', unpack(dels))
  for _, set in ipairs(sets) do
    redis.call('SET', set[1], set[2])
  end
end
return outcomes
