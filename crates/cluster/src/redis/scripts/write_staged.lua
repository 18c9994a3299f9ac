-- Writes parts of a staged generation.
local function main()
  local generation = ARGV[7]
  local extent = extent_of(generation, 'staged')
  local grown = write_pieces(generation, 8, extent)
  if grown > extent then
    redis.call('HSET', generation_key(generation), 'end', text(grown))
  end
  return { 'ok' }
end
