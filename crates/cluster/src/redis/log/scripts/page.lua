-- Calls of a list behind a bound, upwards or downwards: five fields each.
local function main()
  local list, way, bound, count, limit = tag .. ARGV[4], ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
  local ids
  if way == 'up' then
    ids = redis.call('ZRANGEBYSCORE', list, '(' .. bound, '+inf', 'LIMIT', 0, count)
  else
    ids = redis.call('ZREVRANGEBYSCORE', list, '(' .. bound, '-inf', 'LIMIT', 0, count)
  end
  local page, room = { 'ok' }, limit * 64
  for _, id in ipairs(ids) do
    local row = redis.pcall('HMGET', call_key(id), 'summary', 'attempts')
    local size, invocation = '0', ''
    if limit > 0 then
      size, invocation = short(tag .. 'i:' .. id, math.min(limit, room))
      room = room - #invocation
    end
    for _, field in ipairs({ id, row[1] or '', row[2] or '0', size, invocation }) do
      table.insert(page, field)
    end
  end
  return page
end
