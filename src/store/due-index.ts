import type { GroupStore } from './group-store';

/** The reconciler index: the groups that the reconciler has to look at, by the time at which it does. It has several shards. */
export class DueIndex {
  constructor(private readonly store: GroupStore) {}

  /** The keys of all shards. */
  shards(): string[] {
    return this.store.keys.dueIndexes();
  }

  /** Returns groups that are due, the first ones first. Other processes do not get them for twice a lease. */
  async take(shard: string, limit: number): Promise<string[]> {
    const { redis, settings } = this.store;
    return (await redis.call('takeDue', [shard], [2 * settings.leaseMs, limit])) as string[];
  }

  /** Makes a group that is in the index due at a time of Redis, in ms. */
  async postpone(shard: string, id: string, at: number): Promise<void> {
    await this.store.redis.use('zadd', (client) => client.zadd(shard, 'XX', at, id));
  }

  /** Returns the position of a group, for `remove`; undefined when it is not in the index. */
  async positionOf(shard: string, id: string): Promise<string | undefined> {
    return (await this.store.redis.use('zscore', (client) => client.zscore(shard, id))) ?? undefined;
  }

  /** Removes a group, unless its position has changed. */
  async remove(shard: string, id: string, position: string): Promise<void> {
    await this.store.redis.call('unindexGroups', [shard], [id, position]);
  }
}
