-- Begins a generation that nobody sees yet. Unless its pin is renewed, it is dropped as
-- superseded ones are.
local function main()
  local generation = text(next_number('generation', now_ms) * 256 + tonumber(ARGV[7]))
  redis.call('HSET', generation_key(generation), 'state', 'staged', 'end', '0')
  redis.call('ZADD', tag .. 'old', now_ms + grace, generation)
  return { 'ok', generation }
end
