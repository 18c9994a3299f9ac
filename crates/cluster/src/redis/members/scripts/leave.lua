-- Ends the lease of a worker.
local function main()
  redis.call('DEL', tag .. 'nothing')
  forget(worker)
  publish('members')
  publish('applied')
  return { 'ok' }
end
