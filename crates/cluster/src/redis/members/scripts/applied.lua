-- Notes up to which change a worker is.
local function main()
  redis.call('DEL', tag .. 'nothing')
  if redis.call('ZSCORE', tag .. 'members', worker) then
    redis.call('HSET', tag .. 'm:' .. worker, 'applied', ARGV[4])
    publish('applied')
  end
  return { 'ok' }
end
