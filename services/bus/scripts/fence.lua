#!lua
-- Tell a partition how many there are, unless it was told later: told by a change that came after.
-- KEYS  1 fence    ARGV  1 number of the change  2 what is to stand there, which begins with it
-- Returns 1 when it stands there, else 0.
local said = redis.call('GET', KEYS[1])
if said == ARGV[2] then return 1 end
if said and tonumber(string.match(said, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
