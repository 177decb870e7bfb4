import type { RedisConnection } from './connection';
import { KeyScan } from './key-scan';

/** The parts of the prefix of a store's keys. */
export interface StoreBase {
  keyPrefix: string;
  tenant: string;
  /** As the SDK has it, with an underscore at its end; '' for none. */
  namespace: string;
}

/** The number of keys that are looked at in each server, which may hold many millions of others, and at once. */
const most = { keys: 200_000, atOnce: 1_000 };
const indexKey = /^(.+):([^:]*):([^:]*):catalog$/;

/** Finds the stores that hold groups. @returns `complete`: false when not all keys were looked at */
export async function findBases(redis: RedisConnection): Promise<{ bases: StoreBase[]; complete: boolean }> {
  const found = new Set<string>();
  const scan = new KeyScan(redis, '*:catalog', most.atOnce);
  for await (const keys of scan.pages(most.keys / most.atOnce)) for (const key of keys) found.add(key);
  return { bases: [...found].sort().flatMap(toBase), complete: scan.isComplete };
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
