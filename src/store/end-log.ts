import type { GroupStore } from './group-store';

/** Some of the items of a group that have ended, in the order of their ends. */
export interface EndsRead {
  /** How often the group has been tried again: each time the log begins anew with what has succeeded. */
  round: number;
  indexes: number[];
}

/** Reads the log of ends from a place in it; undefined while the group is being made ready to be tried again. */
export async function readEnds(
  { keys, redis }: GroupStore,
  id: string,
  from: number,
  limit: number,
): Promise<EndsRead | undefined> {
  const state = keys.state(id);
  // In this order: the log is turned round only after the round has been counted.
  const [[before, flags], entries, after] = await redis.use('lrange', (client) =>
    Promise.all([
      client.hmget(state, 'rnd', 'fl'),
      client.lrange(keys.ends(id), from, from + limit - 1),
      client.hget(state, 'rnd'),
    ]),
  );
  if (flags?.includes('R') || (before ?? null) !== after) return undefined;
  return { round: Number(before ?? 0), indexes: entries.map(Number) };
}

/** How often a group has been tried again. */
export async function roundOf({ keys, redis }: GroupStore, id: string): Promise<number> {
  return Number((await redis.use('hget', (client) => client.hget(keys.state(id), 'rnd'))) ?? 0);
}
