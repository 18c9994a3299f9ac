-- What there is of a call.
local function main()
  local id, limit = ARGV[4], tonumber(ARGV[5])
  local row = redis.call('HMGET', call_key(id), 'state', 'summary', 'attempts')
  if not row[1] then
    return { 'ok' }
  end
  local size, result = '0', ''
  if row[1] == 'ended' then
    size, result = short(tag .. 'r:' .. id, limit)
  end
  return { 'ok', row[1], row[2] or '', row[3] or '0', size, result }
end
