-- Says which cluster this is, and makes it one when it is new. Deleting nothing shows
-- whether the server takes writes.
local function main()
  local layout, id = ARGV[2], ARGV[3]
  redis.call('DEL', tag .. 'nothing')
  local row = redis.call('HMGET', tag .. 'layout', 'version', 'id')
  if not row[1] and not row[2] then
    redis.call('HSET', tag .. 'layout', 'version', layout, 'id', id)
    row = { layout, id }
  end
  return { 'ok', row[1] or '', row[2] or '', text(now) }
end
