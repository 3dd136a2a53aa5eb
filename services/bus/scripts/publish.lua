#!lua
-- Publish once: add an event unless this article of this drop is already on its way.
-- KEYS  1 marker  2 target stream  3 how many partitions there are (see agreement)
--       4.. every stream that the marker may point into
-- ARGV  1 data field  2 event  3 target's name  4 marker's life in s  5 how many partitions
--       the caller knows of  6.. the streams' names
-- Returns 1 when added, 0 when it was there already; an error where the caller's partition may
-- be the wrong one.
local noted = redis.call('GET', KEYS[3])
if (noted and string.match(noted, ' (%d+)$') or not noted and '1') ~= ARGV[5] then
  return redis.error_reply('PARTITIONS this desk has another number of partitions')
end
local at = redis.call('GET', KEYS[1])
if at then
  local name, id = string.match(at, '^(%a+):(.+)$')
  for i = 4, #KEYS do
    -- A marker whose entry is gone (a stream deleted by hand) must not hold the article back.
    if ARGV[i + 2] == name and #redis.call('XRANGE', KEYS[i], id, id) > 0 then
      redis.call('EXPIRE', KEYS[1], ARGV[4])
      return 0
    end
  end
end
local new = redis.call('XADD', KEYS[2], '*', ARGV[1], ARGV[2])
redis.call('SET', KEYS[1], ARGV[3] .. ':' .. new, 'EX', ARGV[4])
return 1
