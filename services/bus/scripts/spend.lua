#!lua
-- Note how articles of a stage went, and stop the stage where too many of them died.
-- KEYS  1 list of the last articles, newest first: '.' or what is told of one that died
--       2 the stage's halt
-- ARGV  1 articles over which the share is counted  2 highest share in per cent
--       3 how many may die in a row, 0: any  4 list's life in s  5 halt's life in s
--       6 articles that went well  7 then one that is to die, as JSON, or ''
-- Returns 2 where this stopped the stage, 1 where it was stopped already, else 0. It is asked before the article dies: where it
-- is stopped, the article doesn't.
if redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
local window, most = tonumber(ARGV[1]), tonumber(ARGV[3])
local kept = math.max(window, most)
for _ = 1, math.min(tonumber(ARGV[6]), kept) do redis.call('LPUSH', KEYS[1], '.') end
if ARGV[7] ~= '' then redis.call('LPUSH', KEYS[1], ARGV[7]) end
redis.call('LTRIM', KEYS[1], 0, kept - 1)
redis.call('EXPIRE', KEYS[1], ARGV[4])
if ARGV[7] == '' then return 0 end

local recent = redis.call('LRANGE', KEYS[1], 0, -1)
local row, dead, counts, last, commonest = 0, 0, {}, {}, nil
for i, told in ipairs(recent) do
  if told ~= '.' then
    if row == i - 1 then row = i end
    if i <= window or row == i then
      local letter = cjson.decode(told)
      if i <= window then dead = dead + 1 end
      counts[letter['reason']] = (counts[letter['reason']] or 0) + 1
      if not commonest or counts[letter['reason']] > counts[commonest] then
        commonest = letter['reason']
      end
      if #last < 5 then last[#last + 1] = letter['about'] end
    end
  end
end
local in_a_row = most > 0 and row >= most
local too_many = #recent >= window and dead * 100 > tonumber(ARGV[2]) * window
if not (in_a_row or too_many) then return 0 end
local now = redis.call('TIME')
redis.call('HSET', KEYS[2], 'at', now[1], 'rule', in_a_row and 'in_a_row' or 'percent',
  'row', row, 'dead', dead, 'of', math.min(#recent, window), 'commonest', commonest,
  'times', counts[commonest], 'last', cjson.encode(last),
  'passed', 0, 'failed', 0, 'due', 0, 'after', '0-0')
redis.call('EXPIRE', KEYS[2], ARGV[5])
return 2
