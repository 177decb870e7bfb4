import type { Fixture } from './fixture';
import { nodesOf } from './fixture';

/**
 * Everything that a fixture's store holds, by key. Left out is what time alone changes: heartbeats, leases' due times, and
 * which names are served. @param only - those of the keys that are wanted
 */
export async function dump(fixture: Fixture, only: (key: string) => boolean = () => true) {
  const keys = (await fixture.writtenKeys()).filter(only);
  const values = await Promise.all(keys.map(async (key) => [key, await valueOf(fixture, key)] as const));
  return Object.fromEntries(values);
}

async function valueOf({ redis }: Fixture, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return redis.hgetall(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'zset':
      return (await redis.zrange(key, '0', '-1')).sort();
    case 'string':
      return (await redis.getBuffer(key))?.toString('base64');
    default:
      return undefined;
  }
}

/** The key of a group's state. */
export async function stateKey(fixture: Fixture, { id }: { id: string }): Promise<string> {
  const key = (await fixture.keys()).find((name) => name.endsWith(`{${id}}:g`));
  if (key === undefined) throw new Error(`Nothing is stored of ${id}, of ${nodesOf(fixture.redis).length} servers.`);
  return key;
}
