-- What there is of a key, what its user has, and the generations of values.
local grace = tonumber(ARGV[2])
local user, key = ARGV[3], ARGV[4]
local max_bytes, max_keys = tonumber(ARGV[5]), tonumber(ARGV[6])
local entry_key = tag .. 'v:' .. user .. '/' .. key

local function generation_key(generation)
  return tag .. 'g:' .. generation
end

local function load_entry()
  local row = redis.call('HMGET', entry_key, 'generation', 'version', 'size', 'count', 'bytes')
  local what = 'the record of ' .. user .. '/' .. key
  local entry = { count = 0, bytes = 0 }
  if row[1] then
    number(row[1], what)
    entry.value = {
      generation = row[1],
      version = text(number(row[2], what)),
      size = number(row[3], what),
    }
  end
  if row[4] then
    entry.count, entry.bytes = number(row[4], what), number(row[5], what)
  end
  entry.known = entry.value ~= nil or entry.count > 0
  return entry
end

-- Checks what the user would have, and returns how that is written. A damaged row must
-- not keep anybody from deleting.
local function account(bytes, keys)
  local usage = tag .. 'u:' .. user
  local row = redis.call('HMGET', usage, 'bytes', 'keys')
  local had = { bytes = tonumber(row[1]) or 0, keys = tonumber(row[2]) or 0 }
  local has = { bytes = math.max(0, had.bytes + bytes), keys = math.max(0, had.keys + keys) }
  if has.keys > max_keys and has.keys > had.keys then
    refuse('quota', 'keys', text(has.keys))
  end
  if has.bytes > max_bytes and has.bytes > had.bytes then
    refuse('quota', 'bytes', text(has.bytes))
  end
  return function()
    if has.keys == 0 then
      redis.call('ZREM', tag .. 'users', user)
      redis.call('DEL', usage)
    else
      redis.call('HSET', usage, 'bytes', text(has.bytes), 'keys', text(has.keys))
      redis.call('ZADD', tag .. 'users', 0, user)
    end
    if keys > 0 then
      redis.call('ZADD', tag .. 'k:' .. user, 0, key)
    elseif keys < 0 then
      redis.call('ZREM', tag .. 'k:' .. user, key)
    end
  end
end

local function check_fence(fence)
  if fence == '' then
    return
  end
  local latest = redis.call('GET', tag .. 'f:' .. user .. '/' .. key)
  -- Of a lock that nobody has had for a day, no fence counts any more.
  if not latest then
    refuse('fenced', redis.call('HGET', tag .. 'counters', 'fence') or '0')
  end
  if number(fence, 'a fence') < number(latest, 'the fence of ' .. user .. '/' .. key) then
    refuse('fenced', latest)
  end
end

local function check_expected(value, kind, expected)
  local fits = kind == 'any'
    or (kind == 'absent' and not value)
    or (kind == 'version' and value and value.version == expected)
    or (kind == 'generation' and value and value.generation == expected)
  if not fits then
    refuse('conflict', value and value.version or '')
  end
end

-- Where the last byte of a generation ends that was ever written, if it can be read.
local function extent_of(generation, wanted)
  local row = redis.call('HMGET', generation_key(generation), 'state', 'end')
  if row[1] ~= wanted then
    refuse('superseded')
  end
  return number(row[2], 'generation ' .. generation)
end

-- Writes the pieces from the argument `first` on: chunk, start and bytes each. Returns
-- where the generation ends now.
local function write_pieces(generation, first, extent)
  local chunks = tag .. 'c:' .. generation .. ':'
  for i = first, #ARGV, 3 do
    local chunk, start, bytes = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), ARGV[i + 2]
    if start == 0 and #bytes == CHUNK_BYTES then
      redis.call('SET', chunks .. ARGV[i], bytes)
    else
      redis.call('SETRANGE', chunks .. ARGV[i], start, bytes)
    end
    extent = math.max(extent, chunk * CHUNK_BYTES + start + #bytes)
  end
  return extent
end

-- Leaves a generation to those who have it pinned.
local function supersede(generation)
  redis.call('HSET', generation_key(generation), 'state', 'old')
  redis.call('ZADD', tag .. 'old', now_ms + grace, generation)
end

-- Gives the key its value.
local function store(generation, version, size)
  redis.call('HSET', entry_key, 'generation', generation, 'version', version, 'size', text(size))
  return { 'ok', generation, version, text(size) }
end

-- Checks whether the key may get a value of `size` bytes. What is returned gives it one.
local function prepare(size, kind, expected, fence)
  check_fence(fence)
  local entry = load_entry()
  check_expected(entry.value, kind, expected)
  local had = entry.value and entry.value.size or 0
  local write_usage = account(size - had, entry.known and 0 or 1)
  return function(generation)
    local version = text(next_number('version', now))
    if entry.value then
      supersede(entry.value.generation)
    end
    write_usage()
    return store(generation, version, size)
  end
end
