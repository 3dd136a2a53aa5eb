#!lua
-- Move an event that its receiver doesn't take to the webhook's dead letters.
-- KEYS  1 lease  2 stream  3 tries hash  4 state hash  5 dead letters
-- ARGV  1 holder  2 group, empty where the stream is of events sent again; - where the event will
--       be taken off by a call of its own: then KEYS 2 is not looked at  3 entry id
--       4 the event's field  5 data field  6 event  7 the event's id  8 its type  9 attempts
--       10 reason  11 now in ms  12 state's life in s  13 oldest letter kept  14 letters' life in s
-- Returns 1 when it was moved, 0 when somebody else has dealt with it, or has the lease.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local gone
if ARGV[2] == '-' then gone = 1
elseif ARGV[2] == '' then gone = redis.call('XDEL', KEYS[2], ARGV[3])
else gone = redis.call('XACK', KEYS[2], ARGV[2], ARGV[3]) end
redis.call('HDEL', KEYS[3], ARGV[4])
if gone == 0 then return 0 end
redis.call('XADD', KEYS[5], '*', ARGV[5], ARGV[6], 'id', ARGV[7], 'type', ARGV[8],
  'attempts', ARGV[9], 'reason', ARGV[10], 'died_at', ARGV[11])
redis.call('XTRIM', KEYS[5], 'MINID', ARGV[13])
redis.call('EXPIRE', KEYS[5], ARGV[14])
redis.call('HINCRBY', KEYS[4], 'failed', 1)
redis.call('HSET', KEYS[4], 'failure_at', ARGV[11], 'failure', ARGV[10])
redis.call('EXPIRE', KEYS[4], ARGV[12])
return 1
