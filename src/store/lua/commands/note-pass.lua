-- note-pass: stores that a process begins a pass of its reconciler, so that a reader can tell which processes reconcile. Removes processes that have not reconciled for longer than the list is kept.
-- KEYS: 1
-- ARGV: the process and for how many ms a pass counts, with a space between them; ms for which the list is kept; how many processes it holds at most
-- Returns nothing
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, string.format('%.0f', -1 - ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
