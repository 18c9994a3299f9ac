-- Takes a lock that nobody has. Its fence is remembered longer than any late write of its
-- holder can come.
local function main()
  local lease, memory = ARGV[7], ARGV[8]
  local name = user .. '/' .. key
  if redis.call('EXISTS', tag .. 'h:' .. name) == 1 then
    return { 'ok', '' }
  end
  local fence = text(next_number('fence', now))
  redis.call('SET', tag .. 'f:' .. name, fence, 'PX', memory)
  redis.call('SET', tag .. 'h:' .. name, fence, 'PX', lease)
  return { 'ok', fence }
end
