#!lua
-- Count some entries of a stream without sending them.
-- KEYS  1 stream    ARGV  1 first id  2 last id  3 at most so many
-- Returns how many there are, and the id of the last one.
local rows = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
return {#rows, #rows > 0 and rows[#rows][1] or ''}
