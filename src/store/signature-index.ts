import { locationOf } from './ids';
import type { GroupStore } from './group-store';
import { callbackField } from './scripts.generated';
import { callbackIds, type Spec } from './spec';

/** The place of a signature in a group: the index of an item, or a callback of an item or of the group itself. */
export interface Place {
  index?: number | undefined;
  callbackOf?: number | undefined;
}

export interface SignatureLocation extends Place {
  groupId: string;
}

/**
 * Finds signatures by their own ids. Signatures that were created in sequence and are adjacent in a group share one record,
 * so that a swarm of a thousand signatures needs one or two.
 */
export class SignatureIndex {
  constructor(private readonly store: GroupStore) {}

  /** Records the items of a group and their callbacks. The group that a chain becomes records the callbacks of the chain. */
  async recordItems(groupId: string, items: readonly { spec: Spec; index: number }[]): Promise<void> {
    const placed: ({ id: string } & Place)[] = [];
    const records: Promise<void>[] = [];
    for (const { spec, index } of items) {
      if (spec.id !== undefined) placed.push({ id: spec.id, index });
      const ids = callbackIds(spec);
      if (ids.length === 0) continue;
      if (spec.group !== 'chain') placed.push(...ids.map((id) => ({ id, callbackOf: index })));
      else if (spec.id !== undefined)
        records.push(
          this.record(
            spec.id,
            ids.map((id) => ({ id })),
          ),
        );
    }
    records.push(this.record(groupId, placed));
    await Promise.all(records);
  }

  async record(groupId: string, placed: readonly ({ id: string } & Place)[]): Promise<void> {
    const records = new Map<string, Map<number, Place & { count: number }>>();
    let run: (Place & { chunk: string; offset: number; count: number }) | undefined;
    for (const { id, index, callbackOf } of placed) {
      const at = locationOf(id);
      if (!at) continue;
      if (
        run &&
        index !== undefined &&
        run.chunk === at.chunk &&
        run.offset + run.count === at.offset &&
        run.index !== undefined &&
        run.index + run.count === index
      ) {
        run.count += 1;
      } else {
        run = { ...at, index, callbackOf, count: 1 };
      }
      const chunk = records.get(run.chunk) ?? new Map<number, Place & { count: number }>();
      chunk.set(run.offset, run);
      records.set(run.chunk, chunk);
    }
    if (records.size === 0) return;
    const { keys, redis } = this.store;
    const life = await redis.call('noteLocation', [keys.state(groupId), keys.callbacks(groupId)], [...records.keys()]);
    for (const [chunk, runs] of records) {
      const key = this.store.keys.signatureIndex(chunk);
      const fields = [...runs].flatMap(([offset, { index, callbackOf, count }]) => [
        String(offset),
        `${groupId} ${index ?? `c${callbackOf ?? ''}`} ${count}`,
      ]);
      await redis.use('hset', (client) => client.hset(key, ...fields));
      await redis.call('lengthen', [key], [this.lifeMs(Number(life))]);
    }
  }

  /** Renews the records of the signatures of a living group. */
  async renew(groupId: string): Promise<void> {
    const { keys, redis } = this.store;
    const callbacks = keys.callbacks(groupId);
    const life = Number(await redis.call('noteLocation', [keys.state(groupId), callbacks], []));
    let cursor = '0';
    do {
      const from = cursor;
      const [next, fields] = await redis.use('hscan', (client) =>
        client.hscan(callbacks, from, 'MATCH', `${callbackField.location}*`, 'COUNT', 100),
      );
      cursor = next;
      const chunks = fields.filter((_, i) => i % 2 === 0).map((field) => field.slice(callbackField.location.length));
      const records = chunks.map((chunk) => keys.signatureIndex(chunk));
      await Promise.all(records.map((key) => redis.call('lengthen', [key], [this.lifeMs(life)])));
    } while (cursor !== '0');
  }

  /** Rows of several groups share a key. @param groupMs - for how long the group is kept without a renewal */
  private lifeMs(groupMs: number): number {
    const { finishedMs, abandonedMs } = this.store.settings;
    return Math.max(finishedMs + abandonedMs, groupMs);
  }

  async find(id: string): Promise<SignatureLocation | undefined> {
    const at = locationOf(id);
    if (!at) return undefined;
    const key = this.store.keys.signatureIndex(at.chunk);
    const records = await this.store.redis.use('hgetall', (client) => client.hgetall(key));
    for (const [first, record] of Object.entries(records)) {
      const [groupId = '', index = '', count = '0'] = record.split(' ');
      const distance = at.offset - Number(first);
      if (distance < 0 || distance >= Number(count)) continue;
      if (!index.startsWith('c')) return { groupId, index: Number(index) + distance };
      return { groupId, callbackOf: index === 'c' ? undefined : Number(index.slice(1)) };
    }
    return undefined;
  }
}
