#!lua
-- Tell a worker which partitions of its stage are its own, and renew its leases.
-- Shares are equal, as far as they can be, and as few partitions as possible change hands: of the
-- workers those have one more that have most already.  Whoever has too many is told to give some
-- up; they are its own until it says that it has.  Who hasn't enough is given what is free.
-- KEYS  1 hash of the stage: worker:NAME -> when its leases end in ms, partition:NUMBER -> NAME
-- ARGV  1 worker  2 partitions in all  3 lease in ms; 0: the worker leaves
--       4.. partitions that it gives up, being done with them
-- Returns the worker's partitions, -1, and those of them that it is to give up.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local me, count, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local owner, held, found = {}, {}, redis.call('HGETALL', KEYS[1])
local workers = {}
for i = 1, #found, 2 do
  local name = string.match(found[i], '^worker:(.*)$')
  -- Nobody's lease ends later than a lease from now: what says so was noted by another clock.
  local ends = name and tonumber(found[i + 1])
  if name and name ~= me and ends > now and ends - now <= 2 * math.max(lease, 60000) then
    held[name] = 0
    workers[#workers + 1] = name
  elseif name then
    redis.call('HDEL', KEYS[1], found[i])
  end
end
if lease > 0 then
  held[me] = 0
  workers[#workers + 1] = me
  redis.call('HSET', KEYS[1], 'worker:' .. me, now + lease)
  redis.call('PEXPIRE', KEYS[1], math.max(lease, 60000) * 10)
end
local given_up = {}
for i = 4, #ARGV do given_up[tonumber(ARGV[i])] = true end
for i = 1, #found, 2 do
  local number = tonumber(string.match(found[i], '^partition:(%d+)$') or -1)
  if number >= 0 then
    local name = found[i + 1]
    if held[name] and number < count and not (name == me and given_up[number]) then
      owner[number] = name
      held[name] = held[name] + 1
    else
      redis.call('HDEL', KEYS[1], found[i])
    end
  end
end
if lease == 0 then return {-1} end
table.sort(workers, function(a, b)
  if held[a] ~= held[b] then return held[a] > held[b] end
  return a < b
end)
local share = math.floor(count / #workers)
for rank, name in ipairs(workers) do
  if name == me and rank <= count % #workers then share = share + 1 end
end
local mine = {}
for number = 0, count - 1 do
  if not owner[number] and held[me] < share then
    owner[number] = me
    held[me] = held[me] + 1
    redis.call('HSET', KEYS[1], 'partition:' .. number, me)
  end
  if owner[number] == me then mine[#mine + 1] = number end
end
local answer = {}
for _, number in ipairs(mine) do answer[#answer + 1] = number end
answer[#answer + 1] = -1
for i = share + 1, #mine do answer[#answer + 1] = mine[i] end
return answer
