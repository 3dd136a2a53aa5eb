-- Note an article's features, and join it to the story of those that tell of the same.
-- (After index.lua.)  Stories are a forest: an article names a story, a merged one its elder;
-- each counts who names it and goes with the last one.
-- KEYS  4 stories (hash: story id → node)  5 awaited (hash: article id → ids that named it)
--       6 stream of merges  7.. bucket of each feature, each once
-- ARGV  1 article id  2 digest of the features  3 revision  4 now  5 time of the article
--       6 entries at most  7 seconds that one is kept  8 id of the story that it may begin
--       9 names, 10 words: vectors, for each part a tag (3 bytes) and a weight (1 byte)
--       11 seconds that may lie between two of one story
--       12 likeness of names at least  13 of words at least  14 of names plus twice that of
--       words  15 of words where there are no names  16 postings of one feature at most
--       17 data field  18 event of a merge  19 its id, the story and the merged one as they
--       stand in it, one after the other
--       20 namespace of the events' ids (16 bytes)  21 what comes before the names in them
--       22 ids of near-duplicates, joined
--       23.. place of the bucket's key for each name, or each word where there are no names
-- Returns {story id, articles in it, {merged ids}}; the same again when asked again.
local STORIES, AWAITED, STREAM = KEYS[4], KEYS[5], KEYS[6]
local id, digest, revision = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now, time, most, kept = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local window, full = tonumber(ARGV[11]), tonumber(ARGV[16])
local names_least, words_least = tonumber(ARGV[12]), tonumber(ARGV[13])
local sum_least, words_alone = tonumber(ARGV[14]), tonumber(ARGV[15])
local MOST_AWAITING = 16 -- ids kept for one that isn't here yet: one link to it is enough

-- Nodes: 'S' born, articles, named by; or 'M' elder, named by.
local nodes = {}
local function node(story)
  if nodes[story] == nil then
    local bytes = redis.call('HGET', STORIES, story) or ''
    local kind, size = string.sub(bytes, 1, 1), #bytes
    if kind == 'S' and size == 13 then
      local born, count, refs = struct.unpack('>III', bytes, 2)
      nodes[story] = { born = born, count = count, refs = refs }
    elseif kind == 'M' and size == 21 then
      nodes[story] = { elder = string.sub(bytes, 2, 17), refs = struct.unpack('>I', bytes, 18) }
    else
      nodes[story] = false
    end
  end
  return nodes[story]
end
local function root(story)
  for _ = 1, 1000 do -- merges on end; a circle can only be somebody's doing
    local at = node(story)
    if not at then return nil end
    if not at.elder then return story end
    story = at.elder
  end
end
local function write_nodes()
  for story, at in pairs(nodes) do
    if at and at.refs <= 0 then
      redis.call('HDEL', STORIES, story)
    elseif at and at.elder then
      redis.call('HSET', STORIES, story, 'M' .. at.elder .. struct.pack('>I', at.refs))
    elseif at then
      redis.call('HSET', STORIES, story, 'S' .. struct.pack('>III', at.born, at.count, at.refs))
    end
  end
end
local function release(story)
  local at = node(story)
  if not at then return end
  at.refs = at.refs - 1
  if at.refs <= 0 and at.elder then release(at.elder) end
end

local kind = redis.call('TYPE', STREAM).ok
if kind ~= 'none' and kind ~= 'stream' then
  return redis.error_reply('WRONGTYPE the stream of merged stories is a ' .. kind)
end
local before, own = known(id)
if before and before.digest == digest then return cmsgpack.unpack(before.answer) end
if before and before.revision > revision then
  -- An older revision than the one that is known asks, and changes nothing.
  local story = root(before.info)
  return { story or ARGV[8], story and node(story).count or 1, {} }
end
local next, floor = limits()

-- Vectors: for each part its tag and a byte, of which 255 are the whole unit.
local formats = {}
local function parts_of(vector, from, behind)
  local size = math.floor((behind - from) / 4)
  formats[size] = formats[size] or '>' .. string.rep('I3B', size)
  return { unpacked(formats[size], vector, from) }, 2 * size
end
local function by_tag(vector)
  local tags, parts, size = {}, parts_of(vector, 1, #vector + 1)
  for at = 1, size, 2 do tags[parts[at]] = parts[at + 1] end
  return tags
end
local function product(tags, vector, from, behind)
  local sum, parts, size = 0, parts_of(vector, from, behind)
  for at = 1, size, 2 do
    local mine = tags[parts[at]]
    if mine then sum = sum + mine * parts[at + 1] end
  end
  return sum / 65025 -- whole numbers until here: the same from either side
end
local named, worded = ARGV[9], ARGV[10]
local names, words = by_tag(named), by_tag(worded)
-- Articles with names are compared by names and words, others among themselves by words.
local posted = named ~= '' and named or worded
local least = named ~= '' and names_least or words_alone

-- Who shares posted features; those with enough of them are looked at more closely. A feature of
-- very many articles has lost postings, so half of enough will do.
local features, common = {}, {}
read_buckets(7, floor)
for at = 1, #posted, 4 do
  local feature = { key = KEYS[6 + tonumber(ARGV[23 + (at - 1) / 4])], part = sub(posted, at, at + 3) }
  local content, weight = contents[feature.key], byte(feature.part, 4)
  feature.places, feature.count = postings(content, sub(feature.part, 1, 3))
  for _, place in ipairs(feature.places) do
    local its, number = unpacked('>BI', content, place + 3)
    common[number] = (common[number] or 0) + weight * its
  end
  features[#features + 1] = feature
end
local close = {}
for number, sum in pairs(common) do
  if sum / 65025 >= least / 2 then close[#close + 1] = pack_number(number) end
end
-- An entry's facts stand from ``from`` on, up to ``behind``: how long its names are, names, words.
local function alike(entry, from, behind)
  local size = from < behind and byte(entry, from) or 0
  local between = math.min(from + 1 + size, behind)
  if named == '' or size == 0 then
    return named == '' and size == 0 and product(words, entry, between, behind) >= words_alone
  end
  local like_names = product(names, entry, from + 1, between)
  if like_names < names_least then return false end
  local like = product(words, entry, between, behind)
  return like >= words_least and like_names + 2 * like >= sum_least
end

-- The stories of those that are: roots, each once, the eldest first.
local roots, there = {}, {}
local function add_root(story)
  story = root(story)
  if story and not there[story] then
    there[story] = true
    roots[#roots + 1] = story
  end
end
local function near(at) return math.abs(at - time) <= window end
for _, entry in ipairs(entries_of(close)) do
  local facts, info, answer, at = places_in(entry)
  if facts and near(at) and sub(entry, 1, 16) ~= id and alike(entry, facts, info) then
    add_root(sub(entry, info, answer - 1))
  end
end
if before then add_root(before.info) end
-- Near-duplicates are of one story; one that isn't noted here yet will ask who named it.
local waiting = redis.call('HGET', AWAITED, id) or ''
local absent = {}
local wording = ARGV[22]
for at = 1, #wording, 16 do
  local other = string.sub(wording, at, at + 15)
  local entry = known(other)
  if not entry then absent[#absent + 1] = other
  elseif near(entry.time) then add_root(entry.info) end
end
for at = 1, #waiting - 15, 16 do
  local entry = known(string.sub(waiting, at, at + 15))
  if entry and near(entry.time) then add_root(entry.info) end
end
if #roots == 0 then
  local begun = ARGV[8]
  if not root(begun) then nodes[begun] = { born = next, count = 0, refs = 0 } end
  add_root(begun)
end
table.sort(roots, function(a, b)
  if nodes[a].born ~= nodes[b].born then return nodes[a].born < nodes[b].born end
  return a < b
end)
local story, merged = roots[1], {}
local survivor = nodes[story]

-- From here on it is written.
local function text_of(bytes)
  local hex = string.gsub(bytes, '.', function(char) return string.format('%02x', string.byte(char)) end)
  return (string.gsub(hex, '^(........)(....)(....)(....)(............)$', '%1-%2-%3-%4-%5'))
end
local function uuid5(name) -- RFC 9562: SHA-1 of namespace and name, version 5, variant 10
  local hex = redis.sha1hex(ARGV[20] .. name)
  local variant = string.format('%x', 8 + tonumber(string.sub(hex, 17, 17), 16) % 4)
  return string.sub(hex, 1, 8) .. '-' .. string.sub(hex, 9, 12) .. '-5' .. string.sub(hex, 14, 16)
    .. '-' .. variant .. string.sub(hex, 18, 20) .. '-' .. string.sub(hex, 21, 32)
end
local uuid = string.rep('%x', 8) .. string.rep('%-%x%x%x%x', 3) .. '%-' .. string.rep('%x', 12)
local function filled(gone)
  local stays, goes, places = text_of(story), text_of(gone), {}
  for place in string.gmatch(ARGV[19], uuid) do places[#places + 1] = place end
  local event_id = uuid5(ARGV[21] .. stays .. '|' .. goes)
  return (string.gsub(ARGV[18], uuid, { [places[1]] = event_id, [places[2]] = stays, [places[3]] = goes }))
end
for i = 2, #roots do
  local other = nodes[roots[i]]
  survivor.count = survivor.count + other.count
  survivor.refs = survivor.refs + 1
  nodes[roots[i]] = { elder = story, refs = other.refs }
  merged[#merged + 1] = roots[i]
  redis.call('XADD', STREAM, '*', ARGV[17], filled(roots[i]))
end
survivor.refs = survivor.refs + 1
if before then release(before.info) else survivor.count = survivor.count + 1 end

local life = math.ceil(kept)
local floor_now, went = evicted(next, floor, most - 1, now - kept)
for _, entry in ipairs(went) do
  if entry.id ~= id then release(entry.info) end
end
write_nodes()
if own then redis.call('HDEL', ENTRIES, pack_number(own)) end
local add, gone, keys = {}, {}, {}
local number = pack_number(next)
for _, feature in ipairs(features) do
  local key, content = feature.key, contents[feature.key]
  if not add[key] then
    keys[#keys + 1] = key
    add[key] = ''
  end
  add[key] = add[key] .. feature.part .. number
  -- A feature of very many says little: the latest are kept.
  for i = 1, feature.count - full + 1 do
    local place = feature.places[i]
    gone[key] = gone[key] or {}
    gone[key][sub(content, place, place + POSTING - 1)] = true
  end
end
write_buckets(keys, add, gone, floor_now, life)
for _, other in ipairs(absent) do
  local ids = redis.call('HGET', AWAITED, other) or ''
  if #ids < 16 * MOST_AWAITING and (ids ~= '' or redis.call('HLEN', AWAITED) < most) then
    redis.call('HSET', AWAITED, other, ids .. id)
  end
end
redis.call('HDEL', AWAITED, id)
redis.call('EXPIRE', AWAITED, life)
redis.call('EXPIRE', STORIES, life)
local answer = { story, survivor.count, merged }
write_entry({
  id = id, digest = digest, revision = revision, seen = now, time = time,
  facts = string.char(#named) .. named .. worded, info = story, answer = cmsgpack.pack(answer),
}, next, floor_now, life)
return answer
