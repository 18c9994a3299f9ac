-- Keeps how a call ended, unless that is known.
local function main()
  local id, claim, nonce, summary, at, result, staged = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
  local call = load_call(id)
  if call.state == 'ended' then
    return { 'ok', call.by == nonce and '1' or '0' }
  end
  check_claim(call, claim)
  check_staged(staged)
  end_call(call, nonce, summary, at, result, staged)
  return { 'ok', '1' }
end
