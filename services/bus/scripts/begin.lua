#!lua
-- Count an attempt on each message before it is made.
-- KEYS  1 attempts hash  2 what this call was answered  3.. marker of each message
-- ARGV  1 input stream's name  2 hash's life in s  3 the answer's life in s
--       4.. entry id of each message
-- Returns for each the attempts begun, this one included, or 0 when the article has
-- already gone on from here (its marker points elsewhere): nothing is left to do.
-- Asked again because the answer was lost: an attempt is counted once.
local told = redis.call('GET', KEYS[2])
if told then return cjson.decode(told) end
local counts = {}
for i = 3, #KEYS do
  local id = ARGV[i + 1]
  local at = redis.call('GET', KEYS[i])
  if at and at ~= ARGV[1] .. ':' .. id then
    counts[#counts + 1] = 0
  else
    counts[#counts + 1] = redis.call('HINCRBY', KEYS[1], id, 1)
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], cjson.encode(counts), 'EX', ARGV[3])
return counts
