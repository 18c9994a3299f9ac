-- Puts a part of a large value down, for a request that follows soon.
local function main()
  local name = tag .. 's:' .. ARGV[4]
  redis.call('SETRANGE', name, ARGV[5], ARGV[6])
  redis.call('PEXPIRE', name, 60000)
  return { 'ok' }
end
