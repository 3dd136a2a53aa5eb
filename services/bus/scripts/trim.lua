#!lua
-- Trim a stream by MINID: below the horizon, and never above what a group still needs.
-- KEYS  1 stream  2 registered subscribers  3 last entry trimmed of each stream
-- ARGV  1 horizon id (older entries may go)  2 lag above which a group that isn't protected
--       no longer counts (a registered subscriber has its own)  3 stream's name
--       4 partitions of the stream: this one has its part of the limit  5.. protected groups
-- Returns the number of entries removed, and the subscribers that lost some by it, each once
-- until it has caught up.
local function older(a, b)
  local a1, a2 = string.match(a, '^(%d+)-(%d+)$')
  local b1, b2 = string.match(b, '^(%d+)-(%d+)$')
  if a1 ~= b1 then return tonumber(a1) < tonumber(b1) end
  return tonumber(a2) < tonumber(b2)
end
local protected = {}
for i = 5, #ARGV do protected[ARGV[i]] = true end
local floor = ARGV[1]
local left_behind = {}
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
  local lag = tonumber(group['lag'] or nil) or redis.call('XLEN', KEYS[1])
  local field = ARGV[3] .. '/' .. group['name']
  local known = redis.call('HGET', KEYS[2], field)
  local subscriber = known and cjson.decode(known)
  local limit = (subscriber and subscriber['limit'] or tonumber(ARGV[2])) / tonumber(ARGV[4])
  -- Everything up to the last delivered entry was read; what is pending is not yet done.
  local needed = group['last-delivered-id']
  local pending = redis.call('XPENDING', KEYS[1], group['name'])
  if pending[1] > 0 and older(pending[2], needed) then needed = pending[2] end
  if protected[group['name']] or lag + group['pending'] <= limit then
    if older(needed, floor) then floor = needed end
    if subscriber and subscriber['lost'] then
      subscriber['lost'] = nil
      redis.call('HSET', KEYS[2], field, cjson.encode(subscriber))
    end
  elseif subscriber then
    -- Its first unread entry, or the first that it has not acknowledged.
    local first = pending[1] > 0 and pending[2] == needed and needed or '(' .. needed
    left_behind[#left_behind + 1] = {field, group['name'], first, subscriber}
  end
end
local removed = {0}
local last = {}
-- Nothing is older than the first id there is, and the server takes it for no end of a range.
if older('0-0', floor) then
  last = redis.call('XREVRANGE', KEYS[1], '(' .. floor, '-', 'COUNT', 1)
end
if #last > 0 then
  for _, behind in ipairs(left_behind) do
    local field, name, first, subscriber = unpack(behind)
    local lost = redis.call('XRANGE', KEYS[1], first, '(' .. floor, 'COUNT', 1)
    if #lost > 0 and not subscriber['lost'] then
      subscriber['lost'] = lost[1][1]
      redis.call('HSET', KEYS[2], field, cjson.encode(subscriber))
      removed[#removed + 1] = name
    end
  end
  redis.call('HSET', KEYS[3], ARGV[3], last[1][1])
  removed[1] = redis.call('XTRIM', KEYS[1], 'MINID', floor)
end
return removed
