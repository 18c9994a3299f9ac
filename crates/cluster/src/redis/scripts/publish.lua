-- Makes a staged generation the value.
local function main()
  local generation, size = ARGV[7], tonumber(ARGV[8])
  local give = prepare(size, ARGV[9], ARGV[10], ARGV[11])
  local extent = extent_of(generation, 'staged')
  if extent > size then
    refuse('large', text(extent))
  end
  redis.call('HSET', generation_key(generation), 'state', 'live')
  redis.call('ZREM', tag .. 'old', generation)
  return give(generation)
end
