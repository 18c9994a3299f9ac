-- Keeps generations that are pinned: those among them that are superseded or staged.
-- The deletion of nothing comes first, so that the rest goes without memory, too.
local function main()
  redis.call('DEL', tag .. 'nothing')
  for i = 7, #ARGV do
    redis.call('ZADD', tag .. 'old', 'XX', 'GT', now_ms + grace, ARGV[i])
  end
  return { 'ok' }
end
