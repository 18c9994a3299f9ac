-- Ends a call that no worker has, or tells the one that has it.
local function main()
  local id, nonce, summary, at, result, staged = ARGV[4], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
  local call = load_call(id)
  if call.state == 'ended' then
    return { 'ok', call.by == nonce and 'kept' or 'ended' }
  end
  local until_ms = tonumber(redis.call('ZSCORE', tag .. 'leases', id) or '0') or 0
  if call.state == 'claimed' and until_ms > now_ms then
    redis.call('DEL', tag .. 'nothing')
    redis.call('HSET', call_key(id), 'cancelled', '1')
    publish('w:' .. call.owner)
    return { 'ok', 'told' }
  end
  check_staged(staged)
  end_call(call, nonce, summary, at, result, staged)
  return { 'ok', 'kept' }
end
