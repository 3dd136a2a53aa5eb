#!lua
-- Announce once: add an event to a stream unless it was announced before.
-- KEYS  1 marker  2 stream
-- ARGV  1 data field  2 event  3 marker's life in s
-- Returns 1 when added, 0 when it was there already.
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[3]) then
  return 0
end
redis.call('XADD', KEYS[2], '*', ARGV[1], ARGV[2])
return 1
