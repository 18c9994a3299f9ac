-- Has a staged generation dropped next.
local function main()
  local generation = ARGV[7]
  if redis.call('HGET', generation_key(generation), 'state') == 'staged' then
    redis.call('DEL', tag .. 'nothing')
    redis.call('HSET', generation_key(generation), 'state', 'dropping')
    redis.call('ZADD', tag .. 'old', 'XX', 0, generation)
  end
  return { 'ok' }
end
