#!lua
-- Forget a registered subscriber together with its consumer group.
-- KEYS  1 stream  2 registered subscribers
-- ARGV  1 field  2 group
-- Returns 1 where there was either, else 0.
local known = redis.call('HDEL', KEYS[2], ARGV[1])
local group = 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  group = redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[2])
end
return math.max(known, group)
