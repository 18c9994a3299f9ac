-- What all servers of the cluster have in common: what the first one has said.
local function main()
  local what, value = ARGV[2], ARGV[3]
  redis.call('HSETNX', tag .. 'agreed', what, value)
  return { 'ok', redis.call('HGET', tag .. 'agreed', what) }
end
