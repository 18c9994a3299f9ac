-- What is kept of calls. All their keys have one hash tag: the turns of users and the
-- lists go over all of them.
--   c:<id>          the record: user, key, made, entry, state, summary, attempts, begun,
--                   claim, owner, cancelled, by
--   i:<id>, r:<id>  what the call runs, and how it ended
--   q:<user>        the stream of the calls of a user that have not ended
--   ring, waiting   users with calls that were never claimed, in turn, and how many
--   leases          claimed calls, by when their claims run out
--   all, open, u:<user>, ended   calls by id, and ended ones by the time of their end
--   k:<user>/<key>  the call of an idempotency key, and the hash of its request
--   s:<name>        a large value that is on its way
local channels, worker = ARGV[2], ARGV[3]
local GROUP = 'workers'

local function publish(channel)
  redis.call('PUBLISH', channels .. channel, '')
end

local function call_key(id)
  return tag .. 'c:' .. id
end

-- Keeps bytes that came with the request, or those that came before it.
local function keep(name, bytes, staged)
  if staged == '' then
    redis.call('SET', name, bytes)
  else
    redis.call('RENAME', tag .. 's:' .. staged, name)
    redis.call('PERSIST', name)
  end
end

local function check_staged(staged)
  if staged ~= '' and redis.call('EXISTS', tag .. 's:' .. staged) == 0 then
    refuse('staged')
  end
end

-- The record of a call that is in the log.
local function load_call(id)
  local row = redis.call('HMGET', call_key(id), 'state', 'user', 'entry', 'owner', 'claim', 'attempts', 'begun', 'by', 'cancelled')
  if not row[1] then
    refuse('unknown')
  end
  local what = 'the record of call ' .. id
  if not row[2] or not row[3] then
    refuse('damaged', what)
  end
  return {
    id = id, state = row[1], user = row[2], entry = row[3], owner = row[4] or '',
    claim = number(row[5] or '0', what), attempts = number(row[6] or '0', what),
    begun = row[7], by = row[8], cancelled = row[9],
  }
end

-- A worker that never had the call may act for it until somebody claims it.
local function has_claim(call, claim)
  if claim == '' then
    return call.claim == 0
  end
  return call.owner == worker and text(call.claim) == claim
end

local function check_claim(call, claim)
  if not has_claim(call, claim) then
    refuse('lost')
  end
end

-- One call of the user less waits to be claimed.
local function wait_less(user)
  local left = redis.call('HINCRBY', tag .. 'waiting', user, -1)
  if left <= 0 then
    redis.call('HDEL', tag .. 'waiting', user)
  end
  return left
end

-- Keeps the end of a call. What is removed comes first: then the rest goes without
-- memory, too.
local function end_call(call, nonce, summary, at, result, staged)
  local queue = tag .. 'q:' .. call.user
  redis.call('DEL', tag .. 'i:' .. call.id)
  keep(tag .. 'r:' .. call.id, result, staged)
  redis.call('HDEL', call_key(call.id), 'owner', 'begun', 'cancelled')
  redis.call('HSET', call_key(call.id), 'state', 'ended', 'summary', summary, 'by', nonce)
  redis.call('ZREM', tag .. 'open', call.id)
  redis.call('ZREM', tag .. 'leases', call.id)
  redis.call('ZADD', tag .. 'ended', at, call.id)
  if call.state == 'waiting' and wait_less(call.user) <= 0 then
    redis.call('LREM', tag .. 'ring', 0, call.user)
  end
  redis.call('XACK', queue, GROUP, call.entry)
  redis.call('XDEL', queue, call.entry)
  if redis.call('XLEN', queue) == 0 then
    redis.call('DEL', queue)
  end
  publish('e:' .. call.id)
end

-- The size of a value, and the value itself if it is short.
local function short(name, limit)
  local size = redis.pcall('STRLEN', name)
  if type(size) ~= 'number' then
    size = 0
  end
  if size == 0 or size > limit then
    return text(size), ''
  end
  return text(size), redis.call('GET', name)
end
