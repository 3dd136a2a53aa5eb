#!lua
-- Register a subscriber and make its consumer group, or neither.
-- KEYS  1 stream  2 registered subscribers
-- ARGV  1 field  2 group  3 the subscriber as JSON  4 id to start behind
--       5 1: a group that is there already, made by hand, is taken as it stands
-- Returns made, adopted, exists (and may not be taken) or registered (already).
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 'registered' end
local done = 'made'
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for i = 1, #flat, 2 do
      if flat[i] == 'name' and flat[i + 1] == ARGV[2] then done = 'adopted' end
    end
  end
end
if done == 'adopted' and ARGV[5] ~= '1' then return 'exists' end
if done == 'made' then
  redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[2], ARGV[4], 'MKSTREAM')
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return done
