-- A page of a user's keys, five fields each.
local function main()
  local min, max, limit = ARGV[7], ARGV[8], ARGV[9]
  local keys = redis.call('ZRANGEBYLEX', tag .. 'k:' .. user, min, max, 'LIMIT', 0, limit)
  local page = { 'ok' }
  for _, name in ipairs(keys) do
    local row = redis.call('HMGET', tag .. 'v:' .. user .. '/' .. name, 'generation', 'version', 'size', 'count')
    table.insert(page, name)
    for field = 1, 4 do
      table.insert(page, row[field] or '')
    end
  end
  return page
end
