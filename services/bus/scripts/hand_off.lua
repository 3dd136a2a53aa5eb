#!lua
-- Acknowledge a message and add what became of it, or neither.
-- KEYS  1 input stream  2 attempts hash  3 output stream  4 marker
-- ARGV  1 group  2 entry id  3 input's name  4 data field  5 event  6 output's name
--       7 marker's life in s
-- Returns 1 when it crossed, 0 when somebody else had already taken it across.
-- Whoever took it across, its attempts count no more (also where the group was lost meanwhile).
redis.call('HDEL', KEYS[2], ARGV[2])
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local at = redis.call('GET', KEYS[4])
-- A group created anew reads old entries again; their articles have gone on long ago.
if at and at ~= ARGV[3] .. ':' .. ARGV[2] then return 0 end
local new = redis.call('XADD', KEYS[3], '*', ARGV[4], ARGV[5])
redis.call('SET', KEYS[4], ARGV[6] .. ':' .. new, 'EX', ARGV[7])
return 1
