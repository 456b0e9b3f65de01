-- Turns what is pending of each counter into a claim.
--
-- KEYS: the high water and the sequences given out; then of each counter its pending delta and its
--       claim.
-- ARGV: the age in microseconds below which a claim belongs to another sync, unless it sets; the
--       newest sequence that the caller has seen.
-- Returns 'ok', the high water and an outcome for each counter:
--   n, z, b: nothing, zero, busy; f, e or r and the claim: fresh, fresh from what would have
--   expired, recovered; x and what is foreign.
-- Or, having changed nothing: 'back', the high water and a sequence that was forgotten, if one is
--   known; 'foreign' and what is in its place.
--
-- Everything is read before anything is written.

local high_water, foreign = read_high_water(KEYS[1])
foreign = foreign or foreign_given_out(KEYS[2])
if foreign then
  return { 'foreign', foreign }
end
local back = back_in(KEYS[2])
if back or high_water < tonumber(ARGV[2]) then
  return { 'back', format_sequence(high_water), back and format_sequence(back) }
end

local values = redis.call('MGET', unpack(KEYS, 3))
-- MGET shows nothing where there is something else than a string.
local without_string = {}
for i = 1, #KEYS - 2 do
  if not values[i] then
    without_string[#without_string + 1] = KEYS[i + 2]
  end
end
local only_strings = #without_string == 0 or redis.call('EXISTS', unpack(without_string)) == 0

-- Returns whether any name of the server may expire: one question instead of one for each counter.
-- A user may lack the right to it, which newer servers say without a note in their log.
local function is_expiry_possible()
  if redis.acl_check_cmd then
    local is_known, is_allowed = pcall(redis.acl_check_cmd, 'INFO', 'keyspace')
    if not is_known or not is_allowed then
      return true
    end
  end
  local keyspace = redis.pcall('INFO', 'keyspace')
  return type(keyspace) ~= 'string' or string.find(keyspace, 'expires=[1-9]') ~= nil
    or not string.find(keyspace, 'expires=0', 1, true)
end
local may_expire = is_expiry_possible()

local now = now_in_microseconds()
local claim_timeout = tonumber(ARGV[1])
local newest = high_water
local first
local outcomes = { 'ok', false }
local sets, dels = {}, {}
-- A counter that is named again finds what this script will have made of it: a claim, or false.
local made = {}

local function outcome_of(pending_name, claim_name, pending, claim)
  if made[pending_name] ~= nil then
    pending, claim = false, made[pending_name]
  elseif not only_strings then
    local claim_type = claim and 'string' or redis.call('TYPE', claim_name).ok
    if claim_type ~= 'string' and claim_type ~= 'none' then
      return 'xF!' .. claim_type
    end
    local pending_type = pending and 'string' or redis.call('TYPE', pending_name).ok
    if not claim and pending_type ~= 'string' and pending_type ~= 'none' then
      return 'xK!' .. pending_type
    end
  end

  if claim then
    local seq = sequence_of_claim(claim)
    if not seq then
      return 'x' .. foreign_value('F', claim)
    end
    -- A set is applied by any number of syncs with one result. One that was busy would stay so for
    -- as long as the counter is set again and again.
    local is_set = string.find(claim, ':set:', 1, true)
    if not is_set and math.abs(now - seq) < claim_timeout then
      return 'b'
    end
    -- Written again, so that there is a write to wait for where replicas have to confirm claims.
    sets[#sets + 1] = claim_name
    sets[#sets + 1] = claim
    return 'r' .. claim
  end
  if not pending then
    return 'n'
  end
  if not is_count(pending) then
    return 'x' .. foreign_value('K', pending)
  end
  dels[#dels + 1] = pending_name
  if pending == '0' then
    made[pending_name] = false
    return 'z'
  end
  newest = math.max(now, newest + 1)
  first = first or newest
  local text = format_sequence(newest) .. ':add:' .. pending
  sets[#sets + 1] = claim_name
  sets[#sets + 1] = text
  made[pending_name] = text
  return (may_expire and redis.call('PTTL', pending_name) >= 0 and 'e' or 'f') .. text
end

for i = 1, #KEYS - 2, 2 do
  outcomes[#outcomes + 1] = outcome_of(KEYS[i + 2], KEYS[i + 3], values[i], values[i + 1])
end
outcomes[2] = format_sequence(newest)

if #sets > 0 then
  write_high_water('MSET', KEYS[1], newest)
end
if first then
  remember(KEYS[2], high_water, first, newest)
end
if #dels > 0 then
  redis.call('DEL', unpack(dels))
end
if #sets > 0 then
  redis.call('MSET', unpack(sets))
end
return outcomes
