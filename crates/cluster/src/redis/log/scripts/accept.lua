-- Takes a call in.
local function main()
  local id, user, nonce, key, hash = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
  local summary, invocation, staged = ARGV[9], ARGV[10], ARGV[11]
  local most_waiting = tonumber(ARGV[12])
  local made = redis.call('HGET', call_key(id), 'made')
  -- Asked before, by one who did not hear the answer.
  if made == nonce then
    return { 'ok', 'new' }
  end
  local key_name = tag .. 'k:' .. user .. '/' .. key
  if key ~= '' then
    local first, first_hash = string.match(redis.call('GET', key_name) or '', '^(%d+) (%x+)$')
    if first and redis.call('EXISTS', call_key(first)) == 1 then
      return { 'ok', first_hash == hash and 'existing' or 'conflict', first }
    end
  end
  if redis.call('EXISTS', call_key(id)) == 1 then
    refuse('used')
  end
  check_staged(staged)
  if (tonumber(redis.call('HGET', tag .. 'waiting', user)) or 0) >= most_waiting then
    refuse('full')
  end

  local queue = tag .. 'q:' .. user
  if redis.call('EXISTS', queue) == 0 then
    redis.call('XGROUP', 'CREATE', queue, GROUP, '0', 'MKSTREAM')
  end
  local entry = redis.call('XADD', queue, '*', 'id', id)
  keep(tag .. 'i:' .. id, invocation, staged)
  redis.call('HSET', call_key(id), 'user', user, 'made', nonce, 'entry', entry, 'state', 'waiting', 'summary', summary)
  if key ~= '' then
    redis.call('HSET', call_key(id), 'key', key)
    redis.call('SET', key_name, id .. ' ' .. hash)
  end
  for _, list in ipairs({ 'all', 'open', 'u:' .. user }) do
    redis.call('ZADD', tag .. list, id, id)
  end
  if redis.call('HINCRBY', tag .. 'waiting', user, 1) == 1 then
    -- Workers with room have seen to the others, or are about to.
    if redis.call('RPUSH', tag .. 'ring', user) == 1 then
      publish('work')
    end
  end
  return { 'ok', 'new' }
end
