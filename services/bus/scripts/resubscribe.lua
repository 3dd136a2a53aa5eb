#!lua
-- Make a registered subscriber's group anew, at the beginning, where it is gone.
-- Check and making are one step: a subscriber that is being removed must not come back.
-- KEYS  1 stream  2 registered subscribers
-- ARGV  1 field  2 group
-- Returns 1 when it was made, 0 when it was there or the subscriber isn't registered.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for i = 1, #flat, 2 do
      if flat[i] == 'name' and flat[i + 1] == ARGV[2] then return 0 end
    end
  end
end
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[2], '0', 'MKSTREAM')
return 1
