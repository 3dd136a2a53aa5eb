#!lua
-- Move a message to the dead letters, and report its outcome where it has an article.
-- KEYS  1 input stream  2 attempts hash  3 dead-letter stream  [4 outcome stream  5 marker
--       [6 hash of what stages rejected]]
-- ARGV  1 group  2 entry id  3 input's name  4 data field  5 dead letter
--       [6 outcome  7 outcome stream's name  8 marker's life in s
--       [9 field  10 value  11 hash's life in s: by article, so that none counts twice]]
-- Returns 1 when it was moved, 0 when somebody else had already dealt with it.
-- Whoever took it across, its attempts count no more (also where the group was lost meanwhile).
redis.call('HDEL', KEYS[2], ARGV[2])
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
if KEYS[5] then
  local at = redis.call('GET', KEYS[5])
  -- The article may have gone on by another entry (a second one about it, put there by hand):
  -- it has its outcome from there. The letter is written all the same: no bytes are dropped.
  if not at or at == ARGV[3] .. ':' .. ARGV[2] then
    local new = redis.call('XADD', KEYS[4], '*', ARGV[4], ARGV[6])
    redis.call('SET', KEYS[5], ARGV[7] .. ':' .. new, 'EX', ARGV[8])
    if KEYS[6] then
      redis.call('HSET', KEYS[6], ARGV[9], ARGV[10])
      redis.call('EXPIRE', KEYS[6], ARGV[11])
    end
  end
end
redis.call('XADD', KEYS[3], '*', ARGV[4], ARGV[5])
return 1
