#!lua
-- Send a dead letter's message on its way again: the letter goes, the message comes, or neither.
-- KEYS  1 dead-letter stream  2 the stream that it was read from
--       [3 marker  [4 hash of what stages rejected]]
-- ARGV  1 the letter's entry id  2 data field  3 message
--       [4 stream's name  5 marker's life in s  [6 field of the hash: it isn't rejected any more]]
-- Returns the new entry id, or '' where the letter isn't there any more.
-- Its attempts begin anew by themselves: they are counted under the new entry id.
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return '' end
local new = redis.call('XADD', KEYS[2], '*', ARGV[2], ARGV[3])
if KEYS[3] then redis.call('SET', KEYS[3], ARGV[4] .. ':' .. new, 'EX', ARGV[5]) end
if KEYS[4] then redis.call('HDEL', KEYS[4], ARGV[6]) end
return new
