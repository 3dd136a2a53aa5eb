#!lua
-- Take or renew the lease of a webhook: whoever holds it delivers.
-- KEYS  1 lease    ARGV  1 holder  2 life in ms
-- Returns 1 when it is the holder's, 0 when somebody else has it.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
