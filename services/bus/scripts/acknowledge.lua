#!lua
-- Acknowledge each of some messages that lead to no other.
-- KEYS  1 input stream  2 attempts hash
-- ARGV  1 group  2.. entry id of each message
-- Returns for each 1 when it was pending, else 0.
local acknowledged = {}
for i = 2, #ARGV do
  acknowledged[i - 1] = redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  redis.call('HDEL', KEYS[2], ARGV[i])
end
return acknowledged
