-- What every script begins with. KEYS[1] begins all keys of the shard.
local tag = KEYS[1]
-- When the caller gives up, in µs of this server's clock: later, nothing may happen.
local deadline = tonumber(ARGV[1])

local CHUNK_BYTES = 61440
-- Beyond this, numbers of Lua are not exact.
local LAST_NUMBER = 9007199254740991

local function refuse(...)
  error({ refused = { ... } }, 0)
end

local function text(number)
  return string.format('%.0f', number)
end

local function number(raw, what)
  local found = tonumber(raw)
  if not found or found < 0 or found > LAST_NUMBER or found ~= math.floor(found) then
    refuse('damaged', what)
  end
  return found
end

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local now_ms = math.floor(now / 1000)

-- A number that this shard never gave out, not even before it lost its last writes: it
-- follows the clock.
local function next_number(counter, floor)
  local last = redis.call('HGET', tag .. 'counters', counter)
  local given = math.max(floor, (last and number(last, 'the counter ' .. counter) or 0) + 1)
  if given > LAST_NUMBER then
    refuse('damaged', 'the counter ' .. counter)
  end
  redis.call('HSET', tag .. 'counters', counter, text(given))
  return given
end
