-- Changes parts of a value, and extends it.
local function main()
  local generation, size, last, fence = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]
  check_fence(fence)
  local value = load_entry().value
  if not value or value.generation ~= generation then
    refuse('superseded')
  end
  size = math.max(size, value.size)
  if last > size then
    refuse('outside', text(size))
  end
  local extent = extent_of(generation, 'live')
  local write_usage = size > value.size and account(size - value.size, 0)
  local version = text(next_number('version', now))
  local grown = write_pieces(generation, 11, extent)
  if grown > extent then
    redis.call('HSET', generation_key(generation), 'end', text(grown))
  end
  if write_usage then
    write_usage()
  end
  return store(generation, version, size)
end
