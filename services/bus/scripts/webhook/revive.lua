#!lua
-- Put dead letters where they are sent again.
-- KEYS  1 dead letters  2 events sent again
-- ARGV  1 data field  2 life of the events sent again in s  3.. ids of the letters
-- Returns how many were moved.
local moved = 0
for i = 3, #ARGV do
  local found = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])
  if #found > 0 then
    local fields = found[1][2]
    for j = 1, #fields, 2 do
      if fields[j] == ARGV[1] then redis.call('XADD', KEYS[2], '*', ARGV[1], fields[j + 1]) end
    end
    redis.call('XDEL', KEYS[1], ARGV[i])
    moved = moved + 1
  end
end
if moved > 0 then redis.call('EXPIRE', KEYS[2], ARGV[2]) end
return moved
