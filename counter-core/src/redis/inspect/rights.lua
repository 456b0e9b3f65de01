-- Tells what this user may not do of what a sync does. It runs none of it.
--
-- KEYS: a name under the prefix.
-- ARGV: a command by which claims wait, if they do.
-- Returns the commands; none where the server cannot tell, before Redis 7.

local calls = {
  { 'SCAN', '0' },
  { 'SCRIPT', 'LOAD', '' },
  { 'GET', KEYS[1] },
  { 'MGET', KEYS[1] },
  { 'SET', KEYS[1], '' },
  { 'MSET', KEYS[1], '' },
  { 'DEL', KEYS[1] },
  { 'EXISTS', KEYS[1] },
  { 'TYPE', KEYS[1] },
  { 'PERSIST', KEYS[1] },
  { 'TIME' },
}
if ARGV[1] then
  calls[#calls + 1] = { ARGV[1], '0', '0', '0' }
end

local refused = {}
if redis.acl_check_cmd then
  for _, call in ipairs(calls) do
    -- It fails about a command that the server does not have.
    local is_known, is_allowed = pcall(redis.acl_check_cmd, unpack(call))
    if not (is_known and is_allowed) then
      refused[#refused + 1] = call[1] == 'SCRIPT' and 'SCRIPT LOAD' or call[1]
    end
  end
end
return refused
