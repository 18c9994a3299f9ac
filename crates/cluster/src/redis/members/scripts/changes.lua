-- The latest change, and those after one: three fields each.
local function main()
  local after, count = ARGV[4], ARGV[5]
  local page = { 'ok', latest() }
  local entries = redis.call('XRANGE', tag .. 'changes', '(' .. after .. '-0', '+', 'COUNT', count)
  for _, entry in ipairs(entries) do
    table.insert(page, string.match(entry[1], '^%d+'))
    table.insert(page, entry[2][2] or '')
    table.insert(page, entry[2][4] or '')
  end
  return page
end
