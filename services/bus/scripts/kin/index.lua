#!lua
-- An inverted index of numbered entries; the first part of each script in this folder.
--
-- A posting is 8 bytes in a bucket (a string): the feature's tag (4 bytes, or 3 and a weight)
-- and the entry's number (big endian). Numbers rise, so the oldest postings of a bucket are its
-- first; those below the floor are dropped whenever the bucket is written.
-- All that is read is read before the first write: what can't be read leaves nothing half done.
-- KEYS  1 state (hash: next, floor)  2 ids (hash: article id → number)
--       3 entries (hash: number → entry)
local STATE, IDS, ENTRIES = KEYS[1], KEYS[2], KEYS[3]
local POSTING = 8
local MOST_EVICTED = 32 -- at a time: one is added, so the index still shrinks, and no call is long
-- Locals are found faster than what lies in a table, and most of the time goes into calls of these.
local byte, find, sub, unpacked = string.byte, string.find, string.sub, struct.unpack

local function pack_number(number) return struct.pack('>I', number) end
local function unpack_number(bytes, at) return (unpacked('>I', bytes, at or 1)) end

-- An entry: article id (16), digest (8), revision, seen, time, then three strings:
-- what it is compared by, what is told of it, and the answer that its article was given.
local FIXED = 16 + 8 + 8 + 4 + 8
local function pack_entry(e)
  return e.id .. e.digest .. struct.pack('>dId', e.revision, e.seen, e.time)
    .. struct.pack('>HHI', #e.facts, #e.info, #e.answer) .. e.facts .. e.info .. e.answer
end
-- Where an entry's three strings begin, then its time, revision and seen; nil for what is none.
local function places_in(bytes)
  if not bytes or #bytes < FIXED + 8 then return nil end
  local revision, seen, time, facts, info, answer = unpacked('>dIdHHI', bytes, 25)
  local from = FIXED + 9
  if #bytes ~= from - 1 + facts + info + answer then return nil end
  return from, from + facts, from + facts + info, time, revision, seen
end
local function unpack_entry(bytes)
  local facts, info, answer, time, revision, seen = places_in(bytes)
  if not facts then return nil end
  return {
    id = sub(bytes, 1, 16), digest = sub(bytes, 17, 24), revision = revision, seen = seen, time = time,
    facts = sub(bytes, facts, info - 1), info = sub(bytes, info, answer - 1), answer = sub(bytes, answer),
  }
end

local function limits()
  local got = redis.call('HMGET', STATE, 'next', 'floor')
  local next, floor = tonumber(got[1] or 1) or 1, tonumber(got[2] or 1) or 1
  return next, math.min(floor, next)
end

-- The entry of an article and its number, if it is known.
local function known(id)
  local number = redis.call('HGET', IDS, id)
  if not number or #number ~= 4 then return nil end
  local entry = unpack_entry(redis.call('HGET', ENTRIES, number))
  if not entry or entry.id ~= id then return nil end
  return entry, unpack_number(number)
end

-- Where a feature's postings begin in a bucket, and how many they are.
local function postings(content, tag)
  local places, count, at = {}, 0, find(content, tag, 1, true)
  while at do
    if at % POSTING == 1 then
      count = count + 1
      places[count] = at
      at = find(content, tag, at + POSTING, true)
    else
      at = find(content, tag, at + 1, true)
    end
  end
  return places, count
end

-- Bucket contents without what lies below the floor, and without given postings.
local function pruned(content, floor, gone)
  local from = 1
  while from < #content and unpack_number(content, from + 4) < floor do from = from + POSTING end
  if not gone then return from == 1 and content or sub(content, from) end
  local kept = {}
  for at = from, #content, POSTING do
    local posting = sub(content, at, at + POSTING - 1)
    if not gone[posting] then kept[#kept + 1] = posting end
  end
  return table.concat(kept)
end

-- Buckets: all are read in one call, whatever features share them, without what lies below the
-- floor. What isn't ours (a key of another type reads as nothing, a string of another length) is
-- begun anew.
local contents = {}
local function read_buckets(first, floor)
  for at = first, #KEYS, 1000 do -- unpack() has a limit
    local part = { unpack(KEYS, at, math.min(at + 999, #KEYS)) }
    for i, content in ipairs(redis.call('MGET', unpack(part))) do
      contents[part[i]] = content and #content % POSTING == 0 and pruned(content, floor) or ''
    end
  end
end

-- What is kept under numbers (as bytes): one answer for each, false where there is none.
local function entries_of(numbers)
  local found = {}
  for first = 1, #numbers, 1000 do -- unpack() has a limit
    local part = { unpack(numbers, first, math.min(first + 999, #numbers)) }
    for i, bytes in ipairs(redis.call('HMGET', ENTRIES, unpack(part))) do found[first + i - 1] = bytes end
  end
  return found
end

-- Write buckets: add[key] is appended, gone[key] (a set of postings) is dropped.
local function write_buckets(keys, add, gone, floor, life)
  for _, key in ipairs(keys) do
    local content = pruned(contents[key], floor, gone[key]) .. (add[key] or '')
    if content == '' then
      redis.call('DEL', key)
    else
      redis.call('SET', key, content, 'EX', life)
    end
  end
end

-- Forget the oldest, beyond the number of entries or out of the time that they are kept.
-- Returns the new floor and the entries that went.
local function evicted(next, floor, most, before)
  local went = {}
  for _ = 1, MOST_EVICTED do
    if floor >= next then break end
    local number = pack_number(floor)
    local bytes = redis.call('HGET', ENTRIES, number)
    local entry = unpack_entry(bytes)
    if entry and next - floor <= most and entry.seen >= before then break end
    if entry then
      went[#went + 1] = entry
      if redis.call('HGET', IDS, entry.id) == number then redis.call('HDEL', IDS, entry.id) end
    end
    if bytes then redis.call('HDEL', ENTRIES, number) end
    floor = floor + 1
  end
  return floor, went
end

-- Write an entry under a number, and how far the numbers go.
local function write_entry(entry, number, floor, life)
  local key = pack_number(number)
  redis.call('HSET', ENTRIES, key, pack_entry(entry))
  redis.call('HSET', IDS, entry.id, key)
  redis.call('HSET', STATE, 'next', number + 1, 'floor', floor)
  for i = 1, 3 do redis.call('EXPIRE', KEYS[i], life) end
end
