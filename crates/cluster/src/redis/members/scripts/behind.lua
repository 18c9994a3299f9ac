-- The latest change, and which live workers have not come to one yet.
local function main()
  local wanted = tonumber(ARGV[4])
  local page = { 'ok', latest() }
  for _, member in ipairs(live()) do
    local applied = tonumber(redis.call('HGET', tag .. 'm:' .. member, 'applied')) or 0
    if applied < wanted then
      table.insert(page, member)
    end
  end
  return page
end
