-- The tokens of the cluster.
--   ids       their ids, each by the number of its making
--   t:<id>    the record of one, in JSON
local channels = ARGV[2]

-- Those who are no workers are heard as well.
local function publish()
  redis.call('PUBLISH', channels .. 'tokens', '')
end
