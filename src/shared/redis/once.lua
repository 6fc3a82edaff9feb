-- Is it the first time? KEYS[1] the mark; ARGV now, until in microseconds, life in milliseconds.
local before = tonumber(redis.call('GET', KEYS[1]) or '')
if before and before > tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
