-- Note an article's sketch, and say which articles share much of it. (After index.lua.)
-- KEYS  4.. bucket of each hash, each once
-- ARGV  1 article id  2 digest of the sketch  3 revision  4 now  5 time of the article
--       6 entries at most  7 seconds that one is kept  8 info, told to those that find it
--       9 level  10 sizes, one byte for each level from there  11 least in common
--       12 least share  13 postings of one hash at most  14 postings from which a hash is common
--       15 articles told at most  16 for each hash its key's place (2 bytes), tag (4), depth (1)
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
local hashes, packed = {}, ARGV[16]
read_buckets(4, floor)
for at = 1, #packed, 7 do
  local place, tag, depth = unpacked('>Hc4B', packed, at)
  local hash = { key = KEYS[3 + place], tag = tag, depth = depth }
  hash.places, hash.count = postings(contents[hash.key], tag)
  hashes[#hashes + 1] = hash
end
local function numbers_of(hash)
  local content, numbers = contents[hash.key], {}
  for i, at in ipairs(hash.places) do numbers[i] = sub(content, at + 4, at + 7) end
  return numbers
end

-- Postings of what was replaced don't count, and go. There are none where the index holds as many
-- entries as numbers, so that none was taken out of the middle.
local gone = {}
if own or redis.call('HLEN', ENTRIES) ~= next - floor then
  local numbers, living = {}, {}
  for _, hash in ipairs(hashes) do
    hash.numbers = numbers_of(hash)
    for _, number in ipairs(hash.numbers) do
      if living[number] == nil then
        living[number] = false
        numbers[#numbers + 1] = number
      end
    end
  end
  for i, bytes in ipairs(entries_of(numbers)) do living[numbers[i]] = bytes and true or false end
  if own then living[pack_number(own)] = false end
  for _, hash in ipairs(hashes) do
    local kept = {}
    for _, number in ipairs(hash.numbers) do
      if living[number] then
        kept[#kept + 1] = number
      else
        gone[hash.key] = gone[hash.key] or {}
        gone[hash.key][hash.tag .. number] = true
      end
    end
    hash.numbers, hash.count = kept, #kept
  end
end

-- Hashes that very many articles share are boilerplate, unless most of this one's are so: then
-- the whole text is in wide use.
local widespread = 0
for _, hash in ipairs(hashes) do
  if hash.count >= common then widespread = widespread + 1 end
end
local boilerplate = widespread * 2 < #hashes
local left_out, in_common, skipped = {}, {}, {}
for depth = 0, #sizes - 1 do left_out[depth] = 0 end
for _, hash in ipairs(hashes) do
  if boilerplate and hash.count >= common then
    skipped[#skipped + 1] = hash
    for depth = 0, hash.depth do left_out[depth] = (left_out[depth] or 0) + 1 end
  else
    for _, number in ipairs(hash.numbers or numbers_of(hash)) do
      in_common[number] = (in_common[number] or 0) + 1
    end
  end
end
-- Those with enough in common, and how many of the hashes left out each of them has.
local numbers, left_out_with = {}, {}
for number, count in pairs(in_common) do
  if count >= least then
    numbers[#numbers + 1] = number
    left_out_with[number] = 0
  end
end
for _, hash in ipairs(#numbers > 0 and skipped or {}) do
  for _, number in ipairs(hash.numbers or numbers_of(hash)) do
    if left_out_with[number] then left_out_with[number] = left_out_with[number] + 1 end
  end
end

local found = {}
for i, bytes in ipairs(entries_of(numbers)) do
  local number, other = numbers[i], unpack_entry(bytes)
  if other then
    local its, count = byte(other.facts, 1) or 0, in_common[number]
    local at = math.max(level, its)
    local mine = (byte(sizes, at - level + 1) or 0) - (left_out[at - level] or 0)
    local theirs = (byte(other.facts, at - its + 2) or 0) - left_out_with[number]
    local smaller = math.max(math.min(mine, theirs), count)
    if count >= share * smaller then
      found[#found + 1] = { id = other.id, common = count, of = smaller, time = other.time, info = other.info }
    end
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
  if hash.count < full then add[hash.key] = add[hash.key] .. hash.tag .. number end
end
write_buckets(keys, add, gone, floor_now, life)
write_entry({
  id = id, digest = digest, revision = revision, seen = now, time = tonumber(ARGV[5]),
  facts = string.char(level) .. sizes, info = ARGV[8],
  answer = #rows > 0 and cmsgpack.pack(rows) or '',
}, next, floor_now, life)
return rows
