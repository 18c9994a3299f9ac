-- Empties a key's list.
local function main()
  local entry = load_entry()
  if entry.count == 0 then
    return { 'ok' }
  end
  local write_usage = account(-entry.bytes, entry.value and 0 or -1)
  redis.call('UNLINK', tag .. 'e:' .. user .. '/' .. key, tag .. 'n:' .. user .. '/' .. key)
  redis.call('HDEL', entry_key, 'count', 'bytes')
  write_usage()
  return { 'ok' }
end
