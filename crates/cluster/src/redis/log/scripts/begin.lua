-- Counts one attempt more, or one less.
local function main()
  local id, claim, nonce, change = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
  local call = load_call(id)
  if call.state == 'ended' then
    refuse('ended')
  end
  check_claim(call, claim)
  if call.begun == nonce then
    return { 'ok', text(call.attempts) }
  end
  local attempts = text(math.max(0, call.attempts + change))
  redis.call('DEL', tag .. 'nothing')
  redis.call('HSET', call_key(id), 'attempts', attempts, 'begun', nonce)
  return { 'ok', attempts }
end
