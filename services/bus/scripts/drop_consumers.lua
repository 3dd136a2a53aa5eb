#!lua
-- Delete consumers that are gone: idle for long, and with nothing pending.
-- Check and deletion are one step: deleting a consumer with pending entries would lose them.
-- KEYS  1 stream    ARGV  1 group  2 idle time in ms
-- Returns the number of consumers deleted.
local deleted = 0
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #flat, 2 do consumer[flat[i]] = flat[i + 1] end
  if consumer['pending'] == 0 and consumer['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    deleted = deleted + 1
  end
end
return deleted
