#!lua
-- Take back the attempts that were counted and then not made.
-- KEYS  1 attempts hash    ARGV  1.. entry id of each message
-- A message that was acknowledged meanwhile has no count any more, and gets none.
for _, id in ipairs(ARGV) do
  if redis.call('HEXISTS', KEYS[1], id) == 1 then redis.call('HINCRBY', KEYS[1], id, -1) end
end
return #ARGV
