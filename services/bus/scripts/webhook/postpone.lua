#!lua
-- A try has failed: note when the next one is due, and why.
-- KEYS  1 lease  2 tries hash  3 state hash
-- ARGV  1 holder  2 the event's field  3 due in ms  4 reason  5 now in ms  6 hashes' life in s
-- Returns 1, or 0 when the lease is gone.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local known = redis.call('HGET', KEYS[2], ARGV[2])
local counts = known and string.match(known, '^(%d+ %d+) ') or '1 1'
redis.call('HSET', KEYS[2], ARGV[2], counts .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[6])
redis.call('HINCRBY', KEYS[3], 'failed', 1)
redis.call('HSET', KEYS[3], 'failure_at', ARGV[5], 'failure', ARGV[4])
redis.call('EXPIRE', KEYS[3], ARGV[6])
return 1
