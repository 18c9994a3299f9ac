-- A page of elements.
local function main()
  local first, count, overhead, limit = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
  if count == 0 then
    return { 'ok' }
  end
  local name = user .. '/' .. key
  local lengths = redis.call('LRANGE', tag .. 'n:' .. name, first, first + count - 1)
  local last, bytes = first - 1, 0
  for i = 1, #lengths do
    bytes = bytes + number(lengths[i], 'a length in the list of ' .. name) + overhead
    if bytes > limit and i > 1 then
      break
    end
    last = last + 1
  end
  if last < first then
    return { 'ok' }
  end
  local elements = redis.call('LRANGE', tag .. 'e:' .. name, first, last)
  if #elements ~= last - first + 1 then
    refuse('damaged', 'the list of ' .. name)
  end
  table.insert(elements, 1, 'ok')
  return elements
end
