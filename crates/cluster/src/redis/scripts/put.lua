-- Sets a value that fits into one operation. A generation ends with its shard.
local function main()
  local give = prepare(tonumber(ARGV[8]), ARGV[9], ARGV[10], ARGV[11])
  local generation = text(next_number('generation', now_ms) * 256 + tonumber(ARGV[7]))
  local extent = write_pieces(generation, 12, 0)
  redis.call('HSET', generation_key(generation), 'state', 'live', 'end', text(extent))
  return give(generation)
end
