#!lua
-- Count an attempt on each message before it is made.
-- KEYS  1 attempts hash  2.. marker of each message
-- ARGV  1 input stream's name  2 hash's life in s  3.. entry id of each message
-- Returns for each the attempts begun, this one included, or 0 when the article has
-- already gone on from here (its marker points elsewhere): nothing is left to do.
local counts = {}
for i = 2, #KEYS do
  local id = ARGV[i + 1]
  local at = redis.call('GET', KEYS[i])
  if at and at ~= ARGV[1] .. ':' .. id then
    counts[#counts + 1] = 0
  else
    counts[#counts + 1] = redis.call('HINCRBY', KEYS[1], id, 1)
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return counts
