import type { Reply } from './connection';
import { readError } from './group-reader';
import { attemptsOf, unpackActive, type ActiveRecord } from './active-record';
import type { GroupStore } from './group-store';
import { pairsIn, timeIn } from './redis-replies';
import { callbackField, field } from './scripts.generated';

/** An entry that is under way: an item that holds a slot, or an invoked callback that has not ended. */
export interface EntryUnderWay extends ActiveRecord {
  entry: string;
  /** The engine's count of retries of the execution that owns it. */
  retryCount: number;
  /** How many of its attempts have thrown. */
  throws: number;
  /** True if its last attempt has thrown, and the engine has not begun the next one. */
  isBetween: boolean;
  /** When its lease expires, in ms by Redis's clock. Undefined for an entry that has none, or was read without it. */
  leasedUntil: number | undefined;
}

/** What a group waits for, as far as Redis stores it. */
export interface GroupWaits {
  /** The time of Redis, in ms. */
  now: number;
  maxConcurrency: number;
  /** True if entries were suspended individually. */
  hasSuspendedEntries: boolean;
  /** The version of its last suspend or resume, which is a time in microseconds. */
  suspensionVersion: number;
  parent: { groupId: string; entry: string } | undefined;
  /** When the reconciler has to look at the group, in ms. Undefined for a group that is not in its index. */
  reconcileAt: number | undefined;
  /** How many entries are under way. */
  active: number;
  /** Some of them, those with the oldest leases first. */
  underWay: readonly EntryUnderWay[];
}

/** How many entries under way are read: by their leases, and in all. */
const most = { byLease: 20, inAll: 50 };
/** How much of the items' states is read to find one of them, in bytes, one for each item. */
const statesAtMost = { block: 64 * 1024, blocks: 16 };

/** How many bytes of results of callbacks are read at once. */
const smallResults = 1024 * 1024;

/** Reads what groups wait for. The number of commands does not depend on the size of a group. */
export class WaitsReader {
  constructor(private readonly store: GroupStore) {}

  /** Reads what a group waits for; undefined for an unknown group. */
  async group(id: string): Promise<GroupWaits | undefined> {
    const { keys, redis } = this.store;
    const [time, state, reconcileAt, active, leases, page] = await redis.use('hmget', (client) =>
      Promise.all([
        client.time(),
        client.hmget(
          keys.state(id),
          field.status,
          field.maxConcurrency,
          field.flags,
          field.suspensionVersion,
          field.parentId,
          field.parentEntry,
        ),
        client.zscore(keys.dueIndexOf(id), id),
        client.hlen(keys.active(id)),
        client.zrange(keys.leases(id), 0, String(most.byLease - 1), 'WITHSCORES'),
        client.hscan(keys.active(id), 0, 'COUNT', most.inAll),
      ]),
    );
    const [status, maxConcurrency, flags, version, parentId, parentEntry] = state;
    if (!status) return undefined;
    return {
      now: timeIn(time),
      maxConcurrency: Number(maxConcurrency ?? 0),
      hasSuspendedEntries: flags?.includes('E') ?? false,
      suspensionVersion: Number(version ?? 0),
      parent: parentId ? { groupId: parentId, entry: parentEntry ?? '' } : undefined,
      reconcileAt: reconcileAt === null ? undefined : Number(reconcileAt),
      active,
      underWay: await this.underWay(id, pairsIn(leases), new Map(pairsIn(page[1]))),
    };
  }

  /** Returns the group that a group belongs to; undefined for an outermost one. */
  async parentOf(id: string): Promise<string | undefined> {
    const key = this.store.keys.state(id);
    return (await this.store.redis.use('hget', (client) => client.hget(key, field.parentId))) ?? undefined;
  }

  /** Returns one entry; undefined when it is not under way. */
  async entry(id: string, entry: string): Promise<EntryUnderWay | undefined> {
    const { keys, redis } = this.store;
    const [packed, score] = await redis.use('hget', (client) =>
      Promise.all([client.hget(keys.active(id), entry), client.zscore(keys.leases(id), entry)]),
    );
    return packed === null ? undefined : toUnderWay(entry, packed, score);
  }

  /**
   * Returns the first item from an index on whose state is one of these bytes; undefined when there is none among the
   * first million.
   *
   * @param isMissing - whether an item without a byte counts, which was never made ready
   */
  async firstItem(
    id: string,
    { from, total }: { from: number; total: number },
    bytes: string,
    isMissing: boolean,
  ): Promise<number | undefined> {
    const { block, blocks } = statesAtMost;
    const end = Math.min(total, from + block * blocks);
    for (let at = from; at < end; at += block) {
      const states = await this.store.redis.use('getrange', (client) =>
        client.getrange(this.store.keys.bytes(id), at, at + block - 1),
      );
      const found = Array.from(states).findIndex((state) => bytes.includes(state) || (isMissing && state === '\0'));
      if (found >= 0) return at + found;
      if (states.length < block) return isMissing && at + states.length < total ? at + states.length : undefined;
    }
    return undefined;
  }

  /** Returns which of some entries are suspended individually. */
  async suspendedAmong(id: string, entries: readonly string[], groupVersion: number): Promise<Map<string, number>> {
    if (entries.length === 0) return new Map();
    const key = this.store.keys.callbacks(id);
    const names = entries.map((entry) => `${callbackField.entrySuspension}${entry}`);
    const versions = await this.store.redis.use('hmget', (client) => client.hmget(key, ...names));
    // A later suspend or resume of the whole group wins, and a resume of the entry is negative.
    return new Map(
      entries.flatMap((entry, i) => {
        const version = Number(versions[i] ?? 0);
        return version > groupVersion ? [[entry, version] as const] : [];
      }),
    );
  }

  /** Returns those of some callbacks that have failed, with their errors. Outputs and errors that are large are not read. */
  async failedCallbacks(id: string, entries: readonly string[]): Promise<{ entry: string; error: string }[]> {
    if (entries.length === 0) return [];
    const key = this.store.keys.callbacks(id);
    const names = entries.map((entry) => `${callbackField.callbackResult}${entry}`);
    const results = (await this.store.redis.call('someResults', [key], [smallResults, ...names])) as Reply[];
    // They are sizes if the results are large together.
    const small = names.flatMap((name, i) =>
      typeof results[i] === 'number' && results[i] <= smallResults / names.length ? [{ name, i }] : [],
    );
    if (small.length > 0) {
      const read = await this.store.redis.use('hmget', (client) => client.hmget(key, ...small.map(({ name }) => name)));
      small.forEach(({ i }, n) => (results[i] = read[n] ?? null));
    }
    return entries.flatMap((entry, i) => {
      const result = results[i];
      return typeof result === 'string' && result.startsWith('f') ? [{ entry, error: readError(result.slice(1)) }] : [];
    });
  }

  private async underWay(
    id: string,
    leases: readonly [entry: string, score: string][],
    page: ReadonlyMap<string, string>,
  ): Promise<EntryUnderWay[]> {
    const missing = leases.map(([entry]) => entry).filter((entry) => !page.has(entry));
    const key = this.store.keys.active(id);
    const found =
      missing.length === 0 ? [] : await this.store.redis.use('hmget', (client) => client.hmget(key, ...missing));
    const records = new Map([...page, ...missing.map((entry, i) => [entry, found[i] ?? ''] as const)]);
    const scores = new Map(leases);
    const entries = [...new Set([...scores.keys(), ...page.keys()])].slice(0, most.inAll);
    return entries.flatMap((entry) => {
      const packed = records.get(entry);
      return packed ? [toUnderWay(entry, packed, scores.get(entry))] : [];
    });
  }
}

function toUnderWay(entry: string, packed: string, score: string | null | undefined): EntryUnderWay {
  // A deferred callback has an infinite lease.
  const leasedUntil = score === null || score === undefined ? Infinity : Number(score);
  return {
    entry,
    ...unpackActive(packed),
    ...attemptsOf(packed),
    leasedUntil: Number.isFinite(leasedUntil) ? leasedUntil : undefined,
  };
}
