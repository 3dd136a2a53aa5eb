#!lua
-- Change a note, if it says what it is thought to say.
-- KEYS  1 note    ARGV  1 what it says, '' where there is none  2 what it is to say
-- Returns 1 when it was changed (or says so already, since an answer was lost), else 0.
local said = redis.call('GET', KEYS[1]) or ''
if said == ARGV[2] then return 1 end
if said ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
