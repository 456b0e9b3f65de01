-- Returns the commands that this user may not run, and runs none of them.
--
-- KEYS: a name under the prefix.
-- ARGV: of each command its name and its arguments, separated by spaces, where KEY is the name
--       under the prefix.
-- Returns the names of the commands; none where the server does not answer that, before Redis 7.

local missing = {}
if redis.acl_check_cmd then
  for i = 1, #ARGV, 2 do
    local call = {}
    for word in string.gmatch(ARGV[i] .. ' ' .. ARGV[i + 1], '%S+') do
      call[#call + 1] = word == 'KEY' and KEYS[1] or word
    end
    -- It fails about a command that the server does not have.
    local is_known, is_allowed = pcall(redis.acl_check_cmd, unpack(call))
    if not (is_known and is_allowed) then
      missing[#missing + 1] = ARGV[i]
    end
  end
end
return missing
