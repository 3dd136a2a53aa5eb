#!lua
-- Count a try of an event before it is made.
-- KEYS  1 lease  2 tries hash
-- ARGV  1 holder  2 the event's field  3 whether it counts as an attempt (1 or 0)  4 hash's life in s
-- Returns attempts counted and times sent, this one included; zeros when the lease is gone.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0, 0} end
local counted, sent, rest = 0, 0, '0 '
local known = redis.call('HGET', KEYS[2], ARGV[2])
if known then counted, sent, rest = string.match(known, '^(%d+) (%d+) (.*)$') end
counted, sent = tonumber(counted) + tonumber(ARGV[3]), tonumber(sent) + 1
redis.call('HSET', KEYS[2], ARGV[2], counted .. ' ' .. sent .. ' ' .. rest)
redis.call('EXPIRE', KEYS[2], ARGV[4])
return {counted, sent}
