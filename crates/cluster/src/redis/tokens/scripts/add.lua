-- Keeps the record of a token, if there is none of its id.
local function main()
  local id, record, most = ARGV[4], ARGV[5], tonumber(ARGV[6])
  if redis.call('EXISTS', tag .. 't:' .. id) == 1 then
    refuse('exists')
  end
  if redis.call('ZCARD', tag .. 'ids') >= most then
    refuse('crowded')
  end
  redis.call('ZADD', tag .. 'ids', text(next_number('token', now)), id)
  redis.call('SET', tag .. 't:' .. id, record)
  publish()
  return { 'ok' }
end
