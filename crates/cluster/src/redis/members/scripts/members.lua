-- The workers of the cluster, and what they have to know.
--   members     live workers, by when their leases run out
--   m:<worker>  what is known of each
--   changes     the stream of what was changed; each entry names the one before it
local channels, worker = ARGV[2], ARGV[3]

local function publish(channel)
  redis.call('PUBLISH', channels .. channel, '')
end

-- The number of the latest change.
local function latest()
  return redis.call('HGET', tag .. 'counters', 'change') or '0'
end

-- The workers whose leases have not run out.
local function live(...)
  return redis.call('ZRANGEBYSCORE', tag .. 'members', '(' .. text(now_ms), '+inf', ...)
end

local function forget(member)
  redis.call('ZREM', tag .. 'members', member)
  redis.call('DEL', tag .. 'm:' .. member)
end
