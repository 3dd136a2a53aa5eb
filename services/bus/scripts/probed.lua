#!lua
-- Note how the trial of one message of a stopped stage went; end the stop after enough of them.
-- KEYS  1 the stage's halt  2 list of its last articles
-- ARGV  1 1: it passed  2 so many in a row end the stop  3 seconds until the next
--       4 the message's entry id ('0-0': the next trial begins with the oldest again)
-- Returns 1 where that ended the stop, else 0 (also where somebody had ended it).
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
redis.call('HSET', KEYS[1], 'due', now + tonumber(ARGV[3]), 'after', ARGV[4])
if ARGV[1] ~= '1' then
  redis.call('HSET', KEYS[1], 'passed', 0)
  redis.call('HINCRBY', KEYS[1], 'failed', 1)
  return 0
end
if redis.call('HINCRBY', KEYS[1], 'passed', 1) < tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
