#!lua
-- Acknowledge each of some messages and add what became of it, or neither.
-- KEYS  1 input stream  2 attempts hash  3 output stream  4.. marker of each message
-- ARGV  1 group  2 input's name  3 data field  4 output's name  5 markers' life in s
--       6.. entry id and event of each message
-- Returns for each 1 when it crossed, 0 when somebody else had already taken it across.
local function cross(marker, id, event)
  -- Whoever took it across, its attempts count no more (also where the group was lost meanwhile).
  redis.call('HDEL', KEYS[2], id)
  if redis.call('XACK', KEYS[1], ARGV[1], id) == 0 then return 0 end
  local at = redis.call('GET', marker)
  -- A group created anew reads old entries again; their articles have gone on long ago.
  if at and at ~= ARGV[2] .. ':' .. id then return 0 end
  local new = redis.call('XADD', KEYS[3], '*', ARGV[3], event)
  redis.call('SET', marker, ARGV[4] .. ':' .. new, 'EX', ARGV[5])
  return 1
end
local crossed = {}
for i = 1, #KEYS - 3 do crossed[i] = cross(KEYS[3 + i], ARGV[4 + 2 * i], ARGV[5 + 2 * i]) end
return crossed
