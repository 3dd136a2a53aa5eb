#!lua
-- Let the idle times of pending messages run again that stand still since the clock was set back.
-- KEYS  1 stream    ARGV  1 group  2 at most so many
-- A message that was delivered "in the future" is idle for 0 ms until the clock has caught up, and
-- nobody can claim it. One that is idle for 0 ms since it was delivered just now loses nothing by
-- being noted as delivered now. Owner and delivery count stay.
-- Returns how many were noted anew.
local rewound = 0
for _, row in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[2])) do
  local id, consumer, idle = row[1], row[2], row[3]
  if idle == 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], consumer, 0, id, 'JUSTID')
    rewound = rewound + 1
  end
end
return rewound
