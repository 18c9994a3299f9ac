-- Extends the lease of a worker, and tells whether it had run out and who else there is.
local function main()
  local lease, most = tonumber(ARGV[4]), tonumber(ARGV[5])
  redis.call('DEL', tag .. 'nothing')
  local dead = redis.call('ZRANGEBYSCORE', tag .. 'members', '-inf', now_ms, 'LIMIT', 0, 100)
  for _, member in ipairs(dead) do
    forget(member)
  end
  local was_alive = (tonumber(redis.call('ZSCORE', tag .. 'members', worker)) or 0) > now_ms
  if not was_alive then
    -- It has to read everything, and nobody waits for it until it has.
    forget(worker)
    if redis.call('ZCARD', tag .. 'members') >= most then
      refuse('crowded')
    end
    publish('members')
  end
  redis.call('ZADD', tag .. 'members', now_ms + lease, worker)
  redis.call('HSET', tag .. 'm:' .. worker, 'address', ARGV[6], 'capacity', ARGV[7], 'running', ARGV[8],
    'waiting', ARGV[9], 'version', ARGV[10], 'engine', ARGV[11])
  redis.call('HSETNX', tag .. 'm:' .. worker, 'since', text(now_ms))
  if was_alive and ARGV[12] ~= '' then
    local applied = tonumber(redis.call('HGET', tag .. 'm:' .. worker, 'applied')) or 0
    if tonumber(ARGV[12]) >= applied then
      redis.call('HSET', tag .. 'm:' .. worker, 'applied', ARGV[12])
    end
  end
  local page = { 'ok', was_alive and '1' or '0', text(now_ms) }
  local members = live('WITHSCORES')
  for at = 1, #members, 2 do
    local member = members[at]
    table.insert(page, member)
    table.insert(page, members[at + 1])
    local row = redis.pcall('HMGET', tag .. 'm:' .. member, 'address', 'capacity', 'running', 'waiting', 'version', 'engine', 'since')
    for field = 1, 7 do
      table.insert(page, row[field] or '')
    end
  end
  return page
end
