-- Drops some of what nobody has pinned any more; says whether there is more.
local function main()
  local budget = tonumber(ARGV[7])
  while budget > 0 do
    local due = redis.call('ZRANGEBYSCORE', tag .. 'old', '-inf', now_ms, 'LIMIT', 0, 1)
    local generation = due[1]
    if not generation then
      return { 'ok', '0' }
    end
    -- What is damaged has no end, and is dropped as it stands.
    local extent = tonumber(redis.call('HGET', generation_key(generation), 'end')) or 0
    local chunks = math.min(math.ceil(extent / CHUNK_BYTES), 40000)
    local first = math.max(0, chunks - budget)
    local names = {}
    for chunk = first, chunks - 1 do
      table.insert(names, tag .. 'c:' .. generation .. ':' .. text(chunk))
    end
    budget = budget - #names - 1
    if #names > 0 then
      redis.call('UNLINK', unpack(names))
    end
    if first == 0 then
      redis.call('DEL', generation_key(generation))
      redis.call('ZREM', tag .. 'old', generation)
    else
      redis.call('HSET', generation_key(generation), 'state', 'dropping', 'end', text(first * CHUNK_BYTES))
    end
  end
  return { 'ok', '1' }
end
