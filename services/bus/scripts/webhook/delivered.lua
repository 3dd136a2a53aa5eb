#!lua
-- An event has arrived: take it off the queue. Also without the lease: what has arrived, has.
-- KEYS  1 stream  2 tries hash  3 state hash
-- ARGV  1 group, empty where the stream is of events sent again; - where the event was taken off
--       by a call of its own: then KEYS 1 is not looked at, and 2 tells whether it was there (1)
--       2 entry id  3 the event's field
--       4 now in ms  5 state's life in s
-- Returns 1, or 0 when it had been taken off already.
local gone
if ARGV[1] == '-' then gone = tonumber(ARGV[2])
elseif ARGV[1] == '' then gone = redis.call('XDEL', KEYS[1], ARGV[2])
else gone = redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) end
redis.call('HDEL', KEYS[2], ARGV[3])
if gone == 1 then redis.call('HINCRBY', KEYS[3], 'delivered', 1) end
redis.call('HSET', KEYS[3], 'success_at', ARGV[4])
redis.call('EXPIRE', KEYS[3], ARGV[5])
return gone
