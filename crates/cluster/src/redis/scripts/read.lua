-- Parts of a generation, of one moment: chunk, first and last byte of each. A transaction
-- of commands would do, too, but not when memory is short.
local function main()
  local generation = ARGV[7]
  local state = redis.call('HGET', generation_key(generation), 'state')
  if state ~= 'live' and state ~= 'staged' and state ~= 'old' then
    refuse('superseded')
  end
  local parts = { 'ok' }
  for i = 8, #ARGV, 3 do
    local chunk = tag .. 'c:' .. generation .. ':' .. ARGV[i]
    table.insert(parts, redis.call('GETRANGE', chunk, ARGV[i + 1], ARGV[i + 2]))
  end
  return parts
end
