/** The other commands of Redis, as ioredis names them: a connection has a method for each, which fails and names it. */
export const otherCommands: readonly string[] = `
  acl append asking auth backup bgrewriteaof bgsave bitcount bitfield bitfield_ro bitop bitpos blmove blmovem
  blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin client cluster command copy debug decr decrby delex
  digest discard dump echo eval_ro evalsha evalsha_ro exec expire expireat expiretime failover fcall
  fcall_ro flushall flushdb function geoadd geodist geohash geopos georadius georadius_ro georadiusbymember
  georadiusbymember_ro geosearch geosearchstore getbit getdel getex getset hello hexpire hexpireat hexpiretime
  hgetdel hgetex himport hincrbyfloat hkeys hmset hotkeys hpersist hpexpire hpexpireat hpexpiretime hpttl
  hrandfield hsetex httl hvals incr incrby incrbyfloat increx lastsave latency lcs linsert lmove lmovem lmpop
  lolwut lpos lpushx lrem ltrim mget migrate module monitor move mset msetex msetnx object pexpireat
  pexpiretime pfadd pfcount pfdebug pfmerge pfselftest pipeline psetex psubscribe psync pubsub punsubscribe
  randomkey readonly readwrite rename renamenx replconf replicaof reset restore restore-asking role rpop
  rpoplpush rpushx sadd save scard script sdiff sdiffcard sdiffstore select setbit setex setnx shutdown sinter
  sintercard sinterstore sismember slaveof slowlog smembers smismember smove sort sort_ro spop spublish
  srandmember srem sscan ssubscribe substr sunion sunioncard sunionstore sunsubscribe swapdb sync touch
  trimslots ttl unwatch wait waitaof watch xack xackdel xadd xautoclaim xcfgset xclaim xdel xdelex xgroup
  xidmprecord xinfo xlen xnack xpending xrange xread xreadgroup xrevrange xsetid xtrim zdiff zdiffstore zincrby
  zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrangebylex zrangestore
  zrank zremrangebylex zrevrangebylex zrevrank zunion zunionstore
`
  .trim()
  .split(/\s+/);
