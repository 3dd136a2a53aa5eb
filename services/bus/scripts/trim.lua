#!lua
-- Trim a stream by MINID: below the horizon, and never above what a group still needs.
-- KEYS  1 stream
-- ARGV  1 horizon id (older entries may go)  2 lag above which a group that isn't protected
--       no longer counts  3.. protected groups
-- Returns the number of entries removed.
local function older(a, b)
  local a1, a2 = string.match(a, '^(%d+)-(%d+)$')
  local b1, b2 = string.match(b, '^(%d+)-(%d+)$')
  if a1 ~= b1 then return tonumber(a1) < tonumber(b1) end
  return tonumber(a2) < tonumber(b2)
end
local protected = {}
for i = 3, #ARGV do protected[ARGV[i]] = true end
local floor = ARGV[1]
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
  local lag = tonumber(group['lag'] or nil) or redis.call('XLEN', KEYS[1])
  if protected[group['name']] or lag + group['pending'] <= tonumber(ARGV[2]) then
    -- Everything up to the last delivered entry was read; what is pending is not yet done.
    local needed = group['last-delivered-id']
    local pending = redis.call('XPENDING', KEYS[1], group['name'])
    if pending[1] > 0 and older(pending[2], needed) then needed = pending[2] end
    if older(needed, floor) then floor = needed end
  end
end
return redis.call('XTRIM', KEYS[1], 'MINID', floor)
