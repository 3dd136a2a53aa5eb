#!lua
-- Delete the groups of inboxes that are gone: nobody has read with them for long.
-- Check and deletion are one step: a group that is read again must not be deleted.
-- KEYS  1 stream of outcomes
-- ARGV  1 what the groups' names begin with  2 the group of whoever asks, which stays
--       3 idle time in ms of every consumer of a group that is gone
-- Returns the names of the groups deleted.
local deleted = {}
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
  local name = group['name']
  if string.sub(name, 1, #ARGV[1]) == ARGV[1] and name ~= ARGV[2] then
    -- A group without a consumer was made just now: nothing tells its age.
    local consumers = redis.call('XINFO', 'CONSUMERS', KEYS[1], name)
    local gone = #consumers > 0
    for _, facts in ipairs(consumers) do
      for i = 1, #facts, 2 do
        if facts[i] == 'idle' and facts[i + 1] <= tonumber(ARGV[3]) then gone = false end
      end
    end
    if gone then
      redis.call('XGROUP', 'DESTROY', KEYS[1], name)
      deleted[#deleted + 1] = name
    end
  end
end
return deleted
