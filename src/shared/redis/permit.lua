-- Takes permits: the arithmetic of gcra.rs, in one step on the server.
-- KEYS[1] the bucket; ARGV now, interval, burst, most, grace. Microseconds, but grace milliseconds.
local now, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
local room = interval * tonumber(ARGV[3])
local whole = tonumber(redis.call('GET', KEYS[1]) or '') or 0
local start = math.min(math.max(whole, now), now + room)
local free = now + room - start
local fit = math.floor(free / interval)
local granted = math.min(fit, tonumber(ARGV[4]))
local function keep(after)
  local life = math.ceil((after - now) / 1000) + tonumber(ARGV[5])
  redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', string.format('%.0f', life))
end
if granted == 0 then
  if whole > now + room then
    keep(now + room)
  end
  return { 0, fit, interval - free }
end
keep(start + granted * interval)
return { granted, fit - granted, 0 }
