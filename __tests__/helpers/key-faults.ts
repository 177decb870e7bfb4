import type { Cluster, Redis } from 'ioredis';
import { systemClock } from '../../src/utils/clock';
import { KeyCheck } from '../../src/store/key-check';
import { Keys } from '../../src/store/keys';
import { RedisConnection } from '../../src/store/connection';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Whose keys are looked at. */
export interface Owner {
  keyPrefix: string;
  tenant: string;
  namespace: string;
}

/** What is wrong with the lifetimes of a store's keys, a line for each. */
export async function keyFaults(redis: Redis | Cluster, { keyPrefix, tenant, namespace }: Owner): Promise<string[]> {
  const connection = new RedisConnection(redis, { clock: systemClock, commandTimeoutMs: 60_000, logger: silent });
  try {
    const lines: string[] = [];
    for await (const { key, message } of new KeyCheck(connection, new Keys(keyPrefix, tenant, namespace)).faults())
      lines.push(`${key} ${message}`);
    return lines.sort();
  } finally {
    connection.close();
  }
}
