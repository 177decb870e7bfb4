import type { GroupStore } from './group-store';
import { pairsIn, timeIn } from './redis-replies';
import { field } from './scripts.generated';

/** A process that reconciles, or has. */
export interface ReconcilingProcess {
  process: string;
  /** When its last pass began, in ms by the clock of Redis. */
  passedAt: number;
  /** For how long it counts as one that reconciles after that, in ms. */
  countsForMs: number;
}

/** A task name that workers with mageflow serve, or have served. */
export interface ServedName {
  name: string;
  /** Until when it counts as served, in ms by the clock of Redis. */
  until: number;
}

/** The groups that the reconciler looks at: those in progress, and those that have ended and are kept. */
export interface DueGroups {
  total: number;
  /** The number of those that have been due for too long, and the time since which the first of them is, in ms. */
  overdue: number;
  since: number | undefined;
  /** The ids of those that are due first. */
  ids: readonly string[];
}

const scanned = 1_000;

/** Reads what tells whether a store works. */
export class HealthReader {
  constructor(private readonly store: GroupStore) {}

  /** The time of Redis, in ms. */
  async now(): Promise<number> {
    return timeIn(await this.store.redis.use('time', (client) => client.time()));
  }

  /** Returns the number of the storage format as it is stored; undefined when none is. */
  async format(): Promise<string | undefined> {
    const key = this.store.keys.meta();
    return (await this.store.redis.use('get', (client) => client.get(key))) ?? undefined;
  }

  /** Returns the processes that reconcile or have, the one with the latest pass first. */
  async reconcilers(): Promise<ReconcilingProcess[]> {
    const key = this.store.keys.reconcilers();
    const flat = await this.store.redis.use('zrevrange', (client) => client.zrevrange(key, 0, -1, 'WITHSCORES'));
    return pairsIn(flat).map(([member, score]) => {
      const [process = '', countsForMs = '0'] = member.split(' ');
      return { process, passedAt: Number(score), countsForMs: Number(countsForMs) };
    });
  }

  /** Returns the task names that workers with mageflow have announced. */
  async servedNames(): Promise<ServedName[]> {
    const key = this.store.keys.served();
    const all = await this.store.redis.use('hgetall', (client) => client.hgetall(key));
    return Object.entries(all).map(([name, text]) => ({ name, until: Number(text.split(' ')[1] ?? 0) }));
  }

  /**
   * @param atMost - how many ids are returned
   * @param before - groups that were due before this time are overdue, in ms
   */
  async dueGroups(atMost: number, before: number): Promise<DueGroups> {
    const { keys, redis } = this.store;
    const indexes = keys.dueIndexes();
    const perIndex = Math.max(1, Math.floor(atMost / indexes.length));
    const parts = await redis.use('zrange', (client) =>
      Promise.all(
        indexes.map(async (index) => {
          const [total, overdue, first] = await Promise.all([
            client.zcard(index),
            client.zcount(index, '-inf', `(${before}`),
            client.zrange(index, 0, String(perIndex - 1), 'WITHSCORES'),
          ]);
          return { total, overdue, first: pairsIn(first) };
        }),
      ),
    );
    const first = parts.flatMap((part) => part.first).sort(([, a], [, b]) => Number(a) - Number(b));
    const since = first[0] ? Number(first[0][1]) : Infinity;
    return {
      total: parts.reduce((sum, { total }) => sum + total, 0),
      overdue: parts.reduce((sum, { overdue }) => sum + overdue, 0),
      since: since < before ? since : undefined,
      ids: first.map(([id]) => id),
    };
  }

  /** Returns all ids that `dueGroups` counts, some at a time. An id may come twice. */
  async *allDue(): AsyncGenerator<string[]> {
    for (const index of this.store.keys.dueIndexes()) {
      let cursor = '0';
      do {
        const from = cursor;
        const [next, page] = await this.store.redis.use('zscan', (client) =>
          client.zscan(index, from, 'COUNT', scanned),
        );
        cursor = next;
        yield pairsIn(page).map(([id]) => id);
      } while (cursor !== '0');
    }
  }

  /** Returns when something has last happened in a group, in ms by the clock of Redis; undefined when it is unknown. */
  async movedAt(id: string): Promise<number | undefined> {
    const key = this.store.keys.state(id);
    const [created, started, progress, recent] = await this.store.redis.use('hmget', (client) =>
      client.hmget(key, field.createdAt, field.startedAt, field.progressAt, field.recentTimes),
    );
    if (!created) return undefined;
    // `progressAt` is written now and then only, so the latest ends are more exact: the second of four numbers each.
    const ends = (recent ?? '').split(' ').filter((_, i) => i % 4 === 1);
    const last = Math.max(0, ...ends.map(Number).filter(Number.isFinite));
    return Math.max(Number(created) + last, Number(started ?? 0), Number(progress ?? 0));
  }
}
