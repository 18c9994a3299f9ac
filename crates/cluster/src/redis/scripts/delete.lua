-- Removes a value; its elements stay. What is removed comes first: that goes without
-- memory, too, and then so does the rest.
local function main()
  local entry = load_entry()
  check_expected(entry.value, ARGV[7], ARGV[8])
  if not entry.value then
    return { 'ok', '0' }
  end
  local write_usage = account(-entry.value.size, entry.count > 0 and 0 or -1)
  redis.call('HDEL', entry_key, 'generation', 'version', 'size')
  supersede(entry.value.generation)
  write_usage()
  return { 'ok', '1' }
end
