-- Extends claims, two fields each, and tells how each stands. Puts the counter of ids
-- right, should the server have lost its last writes.
local function main()
  local lease, known = tonumber(ARGV[4]), tonumber(ARGV[5])
  redis.call('DEL', tag .. 'nothing')
  if known > (tonumber(redis.call('HGET', tag .. 'counters', 'id') or '1') or 0) then
    redis.call('HSET', tag .. 'counters', 'id', text(known))
  end
  local page = { 'ok' }
  for i = 6, #ARGV, 2 do
    local id = ARGV[i]
    local readable, call = pcall(load_call, id)
    local state = 'lost'
    if readable and call.state == 'claimed' and has_claim(call, ARGV[i + 1]) then
      redis.call('ZADD', tag .. 'leases', now_ms + lease, id)
      state = call.cancelled and 'cancelled' or 'kept'
    end
    table.insert(page, state)
  end
  return page
end
