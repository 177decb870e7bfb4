import { isEnded, type EndedItem, type GroupReader, type Snapshot } from '../store/group-reader';
import { readEnds, roundOf } from '../store/end-log';
import type { GroupStore } from '../store/group-store';
import { IndexSet } from '../utils/index-set';
import { progressOf, readProgress } from './stored-group';
import type { Progress } from './types';
import type { Waiter } from './waiter';

export const itemsPerRead = 256;

/** The parts that follow a group. They stand on the store alone. */
export interface Feed {
  readonly store: GroupStore;
  readonly reader: GroupReader;
  readonly waiter: Waiter;
}

/** The group to follow. */
export interface Followed {
  readonly id: string;
  /** @throws NotFoundError when it has expired */
  readonly snapshot: () => Promise<Snapshot>;
}

/**
 * Yields the items of a group in the order of their ends.
 * @param waits - false: only those that have ended by now
 */
export async function* followResults(
  { reader, store, waiter }: Feed,
  { id, snapshot }: Followed,
  signal: AbortSignal,
  waits = true,
): AsyncGenerator<EndedItem, void, undefined> {
  // Succeeded items stay in the log when the swarm is retried. All other items end again, and are yielded again.
  const yielded = new IndexSet();
  let round = 0;
  let read = 0;
  const look = async () => {
    // Reads the status first: items that ended before the group are in the log by the time it is read.
    const { status, total } = await snapshot();
    const log = await readEnds(store, id, read, itemsPerRead);
    if (!log) return undefined;
    const isOver = isEnded(status);
    const isNews = log.indexes.length > 0 || log.round !== round;
    return isNews || isOver || !waits ? { ...log, total, isOver } : undefined;
  };
  for (;;) {
    const next = await waiter.until(id, look, { items: waits, signal });
    if (next.round !== round) {
      round = next.round;
      read = 0;
      continue;
    }
    if (next.indexes.length === 0) {
      if (!next.isOver) return;
      if (yield* neverStarted({ reader, store }, id, next.total, round)) return;
      continue;
    }
    read += next.indexes.length;
    const left = next.indexes.filter((index) => !yielded.has(index));
    for await (const items of reader.endedPages(id, left))
      for (const item of items) {
        if (item.status === 'succeeded') yielded.add(item.index);
        yield item;
      }
  }
}

/**
 * Yields the items that a stopped group cancelled before they started, in order.
 * @returns false when the group is retried meanwhile
 */
async function* neverStarted(
  { reader, store }: Pick<Feed, 'reader' | 'store'>,
  id: string,
  total: number,
  round: number,
): AsyncGenerator<EndedItem, boolean, undefined> {
  for (let from = 0; from < total; from += itemsPerRead) {
    const indexes = await reader.neverStarted(id, from, Math.min(total, from + itemsPerRead));
    const items = await reader.ended(id, indexes);
    if ((await roundOf(store, id)) !== round) return false;
    yield* items;
  }
  return true;
}

/** Yields the progress of a group each time it changes, until the group has ended. */
export async function* followProgress(
  { reader, waiter }: Feed,
  { id, snapshot }: Followed,
  intervalMs: number,
  signal: AbortSignal,
): AsyncGenerator<Progress, void, undefined> {
  let last = '';
  for (;;) {
    const current = await snapshot();
    // The rate changes with the time alone, so it is no news.
    const text = JSON.stringify(progressOf(current));
    if (text !== last) yield await readProgress(reader, id, current);
    last = text;
    if (isEnded(current.status)) return;
    await waiter.rest(intervalMs, signal);
  }
}
