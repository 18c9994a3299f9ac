-- Adds a change, and forgets old ones.
local function main()
  local change, most = ARGV[4], ARGV[5]
  redis.call('DEL', tag .. 'nothing')
  local before = latest()
  local number = text(next_number('change', now))
  redis.call('XADD', tag .. 'changes', 'MAXLEN', most, number .. '-0', 'before', before, 'what', change)
  publish('changes')
  return { 'ok', number }
end
