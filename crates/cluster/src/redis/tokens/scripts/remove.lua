-- Removes the record of a token, and tells whether there was one.
local function main()
  local id = ARGV[4]
  local removed = redis.call('DEL', tag .. 't:' .. id) + redis.call('ZREM', tag .. 'ids', id)
  publish()
  return { 'ok', removed > 0 and '1' or '0' }
end
