-- Extends a lease, if the lock is held with this fence; ends it when the lease is 0.
local function main()
  local fence, lease, memory = ARGV[7], ARGV[8], ARGV[9]
  local name = user .. '/' .. key
  if redis.call('GET', tag .. 'h:' .. name) ~= fence then
    return { 'ok', '0' }
  end
  if lease == '0' then
    redis.call('DEL', tag .. 'h:' .. name)
  else
    redis.call('PEXPIRE', tag .. 'h:' .. name, lease)
    redis.call('PEXPIRE', tag .. 'f:' .. name, memory)
  end
  return { 'ok', '1' }
end
