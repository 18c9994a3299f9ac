-- Adds an element. Its length is in a list beside, so that pages can be cut without
-- reading elements.
local function main()
  local element, overhead = ARGV[7], tonumber(ARGV[8])
  local entry = load_entry()
  local bytes = #element + overhead
  local write_usage = account(bytes, entry.known and 0 or 1)
  local count = redis.call('RPUSH', tag .. 'e:' .. user .. '/' .. key, element)
  redis.call('RPUSH', tag .. 'n:' .. user .. '/' .. key, #element)
  redis.call('HSET', entry_key, 'count', text(count), 'bytes', text(entry.bytes + bytes))
  write_usage()
  return { 'ok', text(count) }
end
