-- Hands ids out that were never handed out before. The caller knows some that were.
local function main()
  local count, known, last = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
  local row = redis.call('HGET', tag .. 'counters', 'id') or '1'
  local first = tonumber(row)
  if not first or first < 1 or first > last or first ~= math.floor(first) then
    refuse('damaged', 'the counter of call ids')
  end
  first = math.max(first, known)
  -- The sum may be no exact number.
  if count > last - first then
    refuse('exhausted')
  end
  redis.call('HSET', tag .. 'counters', 'id', text(first + count))
  return { 'ok', text(first) }
end
