-- What all servers of the cluster have in common: what the first one has said.
local function main()
  local what, value = ARGV[4], ARGV[5]
  redis.call('HSETNX', tag .. 'agreed', what, value)
  return { 'ok', redis.call('HGET', tag .. 'agreed', what) }
end
