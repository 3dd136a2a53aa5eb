#!lua flags=no-writes
-- Where articles are, all at one moment. Changes nothing.
-- KEYS  1 raw stream  2 enriched stream  3 outcome stream  4.. marker of each article
-- ARGV  1 .. 3 the streams' names  4 .. 6 the group that takes an article on from there
-- Returns two values for each article: its marker ('' where there is none), and
--   gone (no entry is there any more), waiting (not given to anybody yet), pending (given to a
--   worker), done (the group has acknowledged it; the marker would have gone on).
local function older(a, b)
  local a1, a2 = string.match(a, '^(%d+)-(%d+)$')
  local b1, b2 = string.match(b, '^(%d+)-(%d+)$')
  if a1 ~= b1 then return tonumber(a1) < tonumber(b1) end
  return tonumber(a2) < tonumber(b2)
end
local streams = {}
for i = 1, 3 do
  -- A group that isn't there is made anew at the beginning: everything waits for it.
  local stream = {key = KEYS[i], group = ARGV[i + 3]}
  if redis.call('EXISTS', KEYS[i]) == 1 then
    for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[i])) do
      local group = {}
      for j = 1, #flat, 2 do group[flat[j]] = flat[j + 1] end
      if group['name'] == stream.group then stream.given = group['last-delivered-id'] end
    end
  end
  streams[ARGV[i]] = stream
end
local function state(at)
  local name, id = string.match(at, '^(%a+):(.+)$')
  local stream = streams[name]
  if not stream or #redis.call('XRANGE', stream.key, id, id) == 0 then return 'gone' end
  if not stream.given or older(stream.given, id) then return 'waiting' end
  if #redis.call('XPENDING', stream.key, stream.group, id, id, 1) > 0 then return 'pending' end
  return 'done'
end
local answer = {}
for i = 4, #KEYS do
  local at = redis.call('GET', KEYS[i])
  answer[#answer + 1] = at or ''
  answer[#answer + 1] = at and state(at) or 'gone'
end
return answer
