-- Note an article's sketch, and say which articles share much of it. (After index.lua.)
-- KEYS  4.. bucket of each hash, each once
-- ARGV  1 article id  2 digest of the sketch  3 revision  4 now  5 time of the article
--       6 entries at most  7 seconds that one is kept  8 info, told to those that find it
--       9 level  10 sizes, one byte for each level from there  11 least in common
--       12 least share  13 postings of one hash at most  14 postings from which a hash is common
--       15 articles told at most  16.. for each hash three: key's place, tag, depth
-- Returns rows of {article id, in common, of how many, info}; the same ones when asked again.
local id, digest, revision = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now, most, kept = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7])
local level, sizes = tonumber(ARGV[9]), ARGV[10]
local least, share = tonumber(ARGV[11]), tonumber(ARGV[12])
local full, common, told = tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])

local before, own = known(id)
if before and before.digest == digest then
  return before.answer == '' and {} or cmsgpack.unpack(before.answer)
end
local next, floor = limits()

-- Who has each hash.
local hashes, numbers, seen = {}, {}, {}
read_buckets(4)
for at = 16, #ARGV, 3 do
  local hash = { key = KEYS[3 + tonumber(ARGV[at])], tag = ARGV[at + 1], depth = tonumber(ARGV[at + 2]) }
  hash.numbers = postings(contents[hash.key], hash.tag, floor)
  hashes[#hashes + 1] = hash
  for _, number in ipairs(hash.numbers) do
    if not seen[number] then
      seen[number] = true
      numbers[#numbers + 1] = number
    end
  end
end
local entries = entries_of(numbers)
if own then entries[pack_number(own)] = nil end

-- Postings of what was forgotten or replaced don't count, and go.
local gone, widespread = {}, 0
for _, hash in ipairs(hashes) do
  local living = {}
  for _, number in ipairs(hash.numbers) do
    if entries[number] then
      living[#living + 1] = number
    else
      gone[hash.key] = gone[hash.key] or {}
      gone[hash.key][hash.tag .. number] = true
    end
  end
  hash.numbers = living
  if #living >= common then widespread = widespread + 1 end
end

-- Hashes that very many articles share are boilerplate, unless most of this one's are so: then
-- the whole text is in wide use.
local boilerplate = widespread * 2 < #hashes
local left_out, in_common, left_out_with = {}, {}, {}
for depth = 0, #sizes - 1 do left_out[depth] = 0 end
for _, hash in ipairs(hashes) do
  local skip = boilerplate and #hash.numbers >= common
  if skip then
    for depth = 0, hash.depth do left_out[depth] = (left_out[depth] or 0) + 1 end
  end
  for _, number in ipairs(hash.numbers) do
    local counts = skip and left_out_with or in_common
    counts[number] = (counts[number] or 0) + 1
  end
end

local found = {}
for number, count in pairs(in_common) do
  local other = entries[number]
  local its = string.byte(other.facts, 1) or 0
  local at = math.max(level, its)
  local mine = (string.byte(sizes, at - level + 1) or 0) - (left_out[at - level] or 0)
  local theirs = (string.byte(other.facts, at - its + 2) or 0) - (left_out_with[number] or 0)
  local smaller = math.max(math.min(mine, theirs), count)
  if count >= least and count >= share * smaller then
    found[#found + 1] = { id = other.id, common = count, of = smaller, time = other.time, info = other.info }
  end
end
table.sort(found, function(a, b)
  local left, right = a.common * b.of, b.common * a.of
  if left ~= right then return left > right end
  if a.common ~= b.common then return a.common > b.common end
  return a.id < b.id
end)
-- The earliest is told in any case.
local first = nil
for place, one in ipairs(found) do
  one.place = place
  if not first or one.time < first.time or (one.time == first.time and one.id < first.id) then first = one end
end
local rows = {}
for i = 1, math.min(#found, told) do
  local one = found[i]
  if i == told and first.place > told then one = first end
  rows[i] = { one.id, one.common, one.of, one.info }
end

-- An older revision than the one that is known asks, and changes nothing.
if before and before.revision > revision then return rows end

local life = math.ceil(kept)
local floor_now = evicted(next, floor, most - 1, now - kept)
if own then redis.call('HDEL', ENTRIES, pack_number(own)) end
local number = pack_number(next)
local add, keys = {}, {}
for _, hash in ipairs(hashes) do
  if not add[hash.key] then
    keys[#keys + 1] = hash.key
    add[hash.key] = ''
  end
  if #hash.numbers < full then add[hash.key] = add[hash.key] .. hash.tag .. number end
end
write_buckets(keys, add, gone, floor_now, life)
write_entry({
  id = id, digest = digest, revision = revision, seen = now, time = tonumber(ARGV[5]),
  facts = string.char(level) .. sizes, info = ARGV[8],
  answer = #rows > 0 and cmsgpack.pack(rows) or '',
}, next, floor_now, life)
return rows
