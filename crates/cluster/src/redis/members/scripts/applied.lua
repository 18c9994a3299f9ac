-- Notes up to which change a worker is: nothing while it reads everything, after its lease ran
-- out so many times.
local function main()
  local applied, lapses = ARGV[4], ARGV[5]
  local record = tag .. 'm:' .. worker
  redis.call('DEL', tag .. 'nothing')
  if redis.call('ZSCORE', tag .. 'members', worker) then
    if applied ~= '' then
      redis.call('HSET', record, 'applied', applied, 'read', lapses)
    elseif tonumber(lapses) > (tonumber(redis.call('HGET', record, 'read')) or 0) then
      -- Else it has read meanwhile: the word was sent over a connection that broke.
      redis.call('HDEL', record, 'applied')
    end
    publish('applied')
  end
  return { 'ok' }
end
