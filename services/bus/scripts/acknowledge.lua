#!lua
-- Acknowledge a message that leads to no other.
-- KEYS  1 input stream  2 attempts hash
-- ARGV  1 group  2 entry id
local acknowledged = redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[2])
return acknowledged
