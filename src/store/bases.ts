import type { RedisConnection } from './connection';

/** The parts of the prefix of a store's keys. */
export interface StoreBase {
  keyPrefix: string;
  tenant: string;
  /** As the SDK has it, with an underscore at its end; '' for none. */
  namespace: string;
}

/** The number of keys that a scan looks at in each server: a server may hold many millions of others. */
const most = { keys: 200_000, atOnce: 1_000 };
const indexKey = /^(.+):([^:]*):([^:]*):catalog$/;

/** Finds the stores that hold groups. @returns `complete`: false when not all keys were looked at */
export async function findBases(redis: RedisConnection): Promise<{ bases: StoreBase[]; complete: boolean }> {
  const found = new Set<string>();
  let complete = true;
  // A first command makes the connection, and the nodes of a cluster known.
  await redis.use('ping', (client) => client.ping());
  for (const node of await redis.servers()) {
    let cursor = '0';
    let looked = 0;
    do {
      const [next, keys] = await redis.use('scan', () => node.scan(cursor, 'MATCH', '*:catalog', 'COUNT', most.atOnce));
      for (const key of keys) found.add(key);
      cursor = next;
      looked += most.atOnce;
    } while (cursor !== '0' && looked < most.keys);
    complete &&= cursor === '0';
  }
  return { bases: [...found].sort().flatMap(toBase), complete };
}

function toBase(key: string): StoreBase[] {
  const [, keyPrefix = '', tenant = '', namespace = ''] = indexKey.exec(key) ?? [];
  if (keyPrefix === '') return [];
  try {
    return [{ keyPrefix, tenant: decodeURIComponent(tenant), namespace: decodeURIComponent(namespace) }];
  } catch {
    // Somebody else's key.
    return [];
  }
}
