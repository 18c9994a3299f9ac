-- Forgets some of the calls that ended before a time; says how many.
local function main()
  local ids = redis.call('ZRANGEBYSCORE', tag .. 'ended', '-inf', '(' .. ARGV[4], 'LIMIT', 0, ARGV[5])
  for _, id in ipairs(ids) do
    local row = redis.pcall('HMGET', call_key(id), 'user', 'key')
    redis.call('UNLINK', call_key(id), tag .. 'i:' .. id, tag .. 'r:' .. id)
    for _, list in ipairs({ 'ended', 'all', 'open', 'leases' }) do
      redis.call('ZREM', tag .. list, id)
    end
    if row[1] then
      redis.call('ZREM', tag .. 'u:' .. row[1], id)
      local key = row[2] and tag .. 'k:' .. row[1] .. '/' .. row[2]
      if key and string.match(redis.call('GET', key) or '', '^(%d+) ') == id then
        redis.call('DEL', key)
      end
    end
  end
  return { 'ok', text(#ids) }
end
