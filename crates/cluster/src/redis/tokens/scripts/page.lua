-- Tokens that were made after one: the number, the id and the record of each. Of what is no
-- token of ours there is a part only: `limit` bytes are more than a record has.
local function main()
  local after, count, limit = ARGV[4], ARGV[5], tonumber(ARGV[6])
  local rows = redis.call('ZRANGEBYSCORE', tag .. 'ids', '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
  local page = { 'ok' }
  for row = 1, #rows, 2 do
    local id = string.sub(rows[row], 1, 40)
    local record = redis.pcall('GETRANGE', tag .. 't:' .. id, 0, limit - 1)
    for _, field in ipairs({ rows[row + 1], id, type(record) == 'string' and record or '' }) do
      table.insert(page, field)
    end
  end
  return page
end
