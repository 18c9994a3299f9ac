-- Gives claims up, two fields each.
local function main()
  redis.call('DEL', tag .. 'nothing')
  for i = 4, #ARGV, 2 do
    local id = ARGV[i]
    local readable, call = pcall(load_call, id)
    if readable and call.state == 'claimed' and has_claim(call, ARGV[i + 1]) then
      redis.call('HSET', call_key(id), 'owner', '')
      redis.call('ZADD', tag .. 'leases', 0, id)
    end
  end
  publish('work')
  return { 'ok' }
end
