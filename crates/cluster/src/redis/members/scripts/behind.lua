-- The latest change, and which live workers have not come to one yet. Those that read everything
-- use nothing of what was before.
local function main()
  local wanted = tonumber(ARGV[4])
  local page = { 'ok', latest() }
  for _, member in ipairs(live()) do
    local applied = redis.call('HGET', tag .. 'm:' .. member, 'applied')
    if applied and (tonumber(applied) or 0) < wanted then
      table.insert(page, member)
    end
  end
  return page
end
