-- What all servers of the cluster have in common: what the first one has said; of those that are
-- there, if it is only for their time.
local function main()
  local what, value, is_for_now = ARGV[4], ARGV[5], ARGV[6] == '1'
  if is_for_now and #live() == 0 then
    redis.call('HSET', tag .. 'agreed', what, value)
  end
  redis.call('HSETNX', tag .. 'agreed', what, value)
  return { 'ok', redis.call('HGET', tag .. 'agreed', what) }
end
