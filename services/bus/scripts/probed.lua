#!lua
-- Note how the trial of one message of a stopped stage went; end the stop after enough of them.
-- KEYS  1 the stage's halt  2 list of its last articles
-- ARGV  1 passed, failed, or nothing (there was none to try)  2 so many in a row end the stop
--       3 seconds until the next  4 entry id after which the next message is to be looked for
-- Returns 1 where that ended the stop, else 0 (also where somebody had ended it).
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
redis.call('HSET', KEYS[1], 'due', now + tonumber(ARGV[3]), 'after', ARGV[4])
if ARGV[1] == 'nothing' then return 0 end
local other = ARGV[1] == 'passed' and 'failed' or 'passed'
redis.call('HSET', KEYS[1], other, 0)
local row = redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
if ARGV[1] == 'failed' or row < tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
