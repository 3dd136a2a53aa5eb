#!lua
-- Publish each of some events once: add it unless this article of this drop is already on its way.
-- KEYS  1 target stream  2 how many partitions there are (see agreement)
--       3.. every stream that a marker may point into, then the marker of each event
-- ARGV  1 data field  2 target's name  3 markers' life in s  4 how many partitions the caller
--       knows of  5 how many streams a marker may point into  6.. their names, then each event
-- Returns for each 1 when added, 0 when it was there already; an error, and nothing is added, where
-- the caller's partition may be the wrong one.
local noted = redis.call('GET', KEYS[2])
if (noted and string.match(noted, ' (%d+)$') or not noted and '1') ~= ARGV[4] then
  return redis.error_reply('PARTITIONS this desk has another number of partitions')
end
local streams = tonumber(ARGV[5])
local function publish(marker, event)
  local at = redis.call('GET', marker)
  if at then
    local name, id = string.match(at, '^(%a+):(.+)$')
    for i = 1, streams do
      -- A marker whose entry is gone (a stream deleted by hand) must not hold the article back.
      if ARGV[5 + i] == name and #redis.call('XRANGE', KEYS[2 + i], id, id) > 0 then
        redis.call('EXPIRE', marker, ARGV[3])
        return 0
      end
    end
  end
  local new = redis.call('XADD', KEYS[1], '*', ARGV[1], event)
  redis.call('SET', marker, ARGV[2] .. ':' .. new, 'EX', ARGV[3])
  return 1
end
local added = {}
for i = 1, #KEYS - 2 - streams do
  added[i] = publish(KEYS[2 + streams + i], ARGV[5 + streams + i])
end
return added
