-- Hands calls to the worker: eight fields each. One that cannot be read has no claim.
local room, lease, limit = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
-- One whose input goes beyond this is the last.
local most_bytes = tonumber(ARGV[7])
-- Users whose calls are not wanted.
local excepted = {}
for i = 8, #ARGV do
  excepted[ARGV[i]] = true
end
local page, given, bytes = { 'ok' }, 0, 0

local function put(...)
  for _, field in ipairs({ ... }) do
    table.insert(page, field)
  end
end

local function leave_out(id)
  redis.call('ZREM', tag .. 'leases', id)
  put('', '', '', id, '', '', '', '')
end

local function hand_out(id, former)
  local readable, call = pcall(load_call, id)
  if not readable then
    return leave_out(id)
  end
  -- What it had before tells that it ended; that is all there is to do.
  if call.state == 'ended' then
    redis.call('ZREM', tag .. 'leases', id)
    return
  end
  local claim = text(call.claim + 1)
  redis.call('HSET', call_key(id), 'state', 'claimed', 'owner', worker, 'claim', claim)
  redis.call('ZADD', tag .. 'leases', now_ms + lease, id)
  local summary = redis.call('HGET', call_key(id), 'summary') or ''
  local size, invocation = short(tag .. 'i:' .. id, limit)
  local is_taken_over = former and former ~= '' and former ~= worker
  put(claim, is_taken_over and '1' or '0', call.cancelled and '1' or '0', id, summary, text(call.attempts), size, invocation)
  given, bytes = given + 1, bytes + tonumber(size)
  return call
end

-- Calls whose owners have stopped to renew, or gave them up.
local function take_over()
  local lapsed = redis.call('ZRANGEBYSCORE', tag .. 'leases', '-inf', now_ms, 'LIMIT', 0, room)
  for _, id in ipairs(lapsed) do
    if bytes >= most_bytes then
      return
    end
    local former = redis.call('HGET', call_key(id), 'owner')
    local call = hand_out(id, former)
    if call then
      local queue = tag .. 'q:' .. call.user
      redis.pcall('XCLAIM', queue, GROUP, worker, 0, call.entry, 'JUSTID')
      if former and former ~= worker and former ~= '' then
        local has = redis.pcall('XPENDING', queue, GROUP, '-', '+', 1, former)
        if not has.err and #has == 0 then
          redis.call('XGROUP', 'DELCONSUMER', queue, GROUP, former)
        end
      end
    end
  end
end

-- A call of the user whose turn it is; false if nobody's.
local function take_next()
  local user = redis.call('LPOP', tag .. 'ring')
  if not user then
    return false
  end
  if excepted[user] then
    redis.call('RPUSH', tag .. 'ring', user)
    return true
  end
  local read = redis.pcall('XREADGROUP', 'GROUP', GROUP, worker, 'COUNT', 1, 'STREAMS', tag .. 'q:' .. user, '>')
  if not read or read.err or not read[1] then
    redis.call('HDEL', tag .. 'waiting', user)
    return true
  end
  if wait_less(user) > 0 then
    redis.call('RPUSH', tag .. 'ring', user)
  end
  local entry = read[1][2][1]
  local id = entry[2] and entry[2][2]
  if id then
    hand_out(id)
  end
  return true
end

local function main()
  redis.call('DEL', tag .. 'nothing')
  take_over()
  local turns = room + 16
  while given < room and bytes < most_bytes and turns > 0 and take_next() do
    turns = turns - 1
  end
  return page
end
