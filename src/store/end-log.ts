import type { GroupStore } from './group-store';
import { field } from './scripts.generated';

/** A part of the log of ended items, in the order of their ends. */
export interface EndsRead {
  /** How often the group was retried. Each retry starts the log again with the items that had succeeded. */
  round: number;
  indexes: number[];
}

/** Reads the log of ends from a position; returns undefined while a retry of the group is being prepared. */
export async function readEnds(
  { keys, redis }: GroupStore,
  id: string,
  from: number,
  limit: number,
): Promise<EndsRead | undefined> {
  const state = keys.state(id);
  // The order matters: a retry counts the round before it rewrites the log.
  const [[before, flags], entries, after] = await redis.use('lrange', (client) =>
    Promise.all([
      client.hmget(state, field.round, field.flags),
      client.lrange(keys.ends(id), from, from + limit - 1),
      client.hget(state, field.round),
    ]),
  );
  if (flags?.includes('R') || (before ?? null) !== after) return undefined;
  return { round: Number(before ?? 0), indexes: entries.map(Number) };
}

/** Returns the entries that ended last, the latest one last. */
export async function latestEnds({ keys, redis }: GroupStore, id: string, limit: number): Promise<string[]> {
  return redis.use('lrange', (client) => client.lrange(keys.ends(id), -limit, -1));
}

/** Returns how often a group was retried. */
export async function roundOf({ keys, redis }: GroupStore, id: string): Promise<number> {
  return Number((await redis.use('hget', (client) => client.hget(keys.state(id), field.round))) ?? 0);
}

/** Returns some items of the log, at equal distances: how many had ended with each, and its index. */
export async function sampleEnds(
  { keys, redis, process, settings }: GroupStore,
  id: string,
  points: number,
): Promise<{ ended: number; index: number }[]> {
  const reply = await redis.call('sampleEnds', keys.group(id), [process, settings.leaseMs, points]);
  const [, ...flat] = (reply as (string | number)[]).map(Number);
  return Array.from({ length: flat.length / 2 }, (_, i) => ({ ended: flat[2 * i] ?? 0, index: flat[2 * i + 1] ?? 0 }));
}
