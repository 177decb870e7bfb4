import type { Redis } from 'ioredis';

/** One key of a dump. Bytes of a string are in base64, since a string may hold zero bytes. `ttl`: -1 without expiry. */
export type DumpedKey = { key: string; ttl: number } & (
  | { type: 'string'; base64: string }
  | { type: 'hash'; fields: Record<string, string> }
  | { type: 'list'; values: string[] }
  | { type: 'zset'; scores: Record<string, string> }
);

/** The data of one store as text, which every version of Redis can restore. */
export interface FormatDump {
  format: number;
  /** The prefix of the keys, which is not in their names here. */
  base: string;
  /** The groups in the dump, by what they show. */
  groups: Record<string, string>;
  keys: DumpedKey[];
}

/** Reads all keys below a base. */
export async function dumpKeys(redis: Redis, base: string): Promise<DumpedKey[]> {
  const names = (await redis.keys(`${base}:*`)).sort();
  return Promise.all(names.map((name) => dumpKey(redis, name, name.slice(base.length + 1))));
}

async function dumpKey(redis: Redis, name: string, key: string): Promise<DumpedKey> {
  const ttl = await redis.pttl(name);
  const type = await redis.type(name);
  switch (type) {
    case 'string':
      return { key, ttl, type, base64: (await redis.getBuffer(name))?.toString('base64') ?? '' };
    case 'hash':
      return { key, ttl, type, fields: await redis.hgetall(name) };
    case 'list':
      return { key, ttl, type, values: await redis.lrange(name, 0, -1) };
    case 'zset': {
      const flat = await redis.zrange(name, '0', '-1', 'WITHSCORES');
      const scores = flat.flatMap((member, i) => (i % 2 === 0 ? [[member, flat[i + 1] ?? '']] : []));
      return { key, ttl, type, scores: Object.fromEntries(scores) as Record<string, string> };
    }
    default:
      throw new Error(`${name}: expected a string, hash, list or sorted set, got ${type}. Add its type to the dump.`);
  }
}

/** Writes the keys of a dump below a base. */
export async function restoreKeys(redis: Redis, base: string, keys: readonly DumpedKey[]): Promise<void> {
  for (const dumped of keys) {
    const name = `${base}:${dumped.key}`;
    if (dumped.type === 'string') await redis.set(name, Buffer.from(dumped.base64, 'base64'));
    else if (dumped.type === 'hash') await redis.hset(name, dumped.fields);
    else if (dumped.type === 'list') await redis.rpush(name, ...dumped.values);
    else await redis.zadd(name, ...Object.entries(dumped.scores).flatMap(([member, score]) => [score, member]));
    if (dumped.ttl >= 0) await redis.pexpire(name, dumped.ttl);
  }
}
