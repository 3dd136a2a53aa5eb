#!lua
-- Take the turn to try one message of a stopped stage, if one is due.
-- KEYS  1 the stage's halt    ARGV  1 seconds until another may take it  2 halt's life in s
-- Returns -1 where the stage isn't stopped (any more), 0 where it isn't time yet, else the
-- entry id after which the next message is to be looked for.
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
redis.call('EXPIRE', KEYS[1], ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local due = tonumber(redis.call('HGET', KEYS[1], 'due'))
-- Nothing waits for an hour: what seems to was noted before the clock was set back.
if now < due and due - now < 3600 then return 0 end
redis.call('HSET', KEYS[1], 'due', now + tonumber(ARGV[1]))
return redis.call('HGET', KEYS[1], 'after')
