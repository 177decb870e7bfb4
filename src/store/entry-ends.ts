import { runOf } from './active-record';
import { isCallback } from './entry';
import type { GroupStore } from './group-store';
import { marks, outcomeOf } from './item-state';
import type { GroupStatus, Outcome } from './replies';
import { inParts } from '../utils/in-parts';
import { callbackField, field } from './scripts.generated';

/** The end of an entry for a waiting process: 'open' until the entry has ended. */
export interface EntryEnd {
  end: Outcome | 'open';
  /** The run (or group) that was published for it, if the caller asked for it; else ''. */
  run: string;
}

/** The number of state bytes that one command reads; each byte is an item. */
const chunkSize = 64 * 1024;
const fieldsAtOnce = 500;

/**
 * Returns the ends of some entries of a group, omitting unknown entries. The number of commands hardly grows with the
 * number of entries.
 *
 * @param withRuns - the entries whose runs are needed
 */
export async function entryEnds(
  store: GroupStore,
  id: string,
  entries: readonly string[],
  withRuns: readonly string[],
): Promise<Map<string, EntryEnd>> {
  const callbacks = entries.filter((entry) => isCallback(entry));
  const items = entries.filter((entry) => !isCallback(entry));
  const [runs, ends, fired] = await Promise.all([
    runsOf(store, id, withRuns),
    endsOfItems(store, id, items),
    endsOfCallbacks(store, id, callbacks),
  ]);
  return new Map([...ends, ...fired].map(([entry, end]) => [entry, { end, run: runs.get(entry) ?? '' }]));
}

type Ends = [entry: string, end: EntryEnd['end']][];

async function endsOfItems({ keys, redis }: GroupStore, id: string, entries: readonly string[]): Promise<Ends> {
  if (entries.length === 0) return [];
  const chunks = new Map<number, { from: number; to: number }>();
  for (const entry of entries) {
    const index = Number(entry);
    const chunk = Math.floor(index / chunkSize);
    const known = chunks.get(chunk);
    if (!known) chunks.set(chunk, { from: index, to: index });
    else Object.assign(known, { from: Math.min(known.from, index), to: Math.max(known.to, index) });
  }
  const ranges = [...chunks];
  // The status is read first: once a group has stopped, an item that has not started never will.
  const [[status, total], ...texts] = await redis.use('getrange', (client) =>
    Promise.all([
      client.hmget(keys.state(id), field.status, field.total),
      ...ranges.map(([, { from, to }]) => client.getrange(keys.bytes(id), from, to)),
    ]),
  );
  if (!status) return [];
  const bytes = new Map(ranges.map(([chunk, { from }], i) => [chunk, { from, text: texts[i] ?? '' }]));
  return entries.flatMap((entry): Ends => {
    const index = Number(entry);
    if (index >= Number(total)) return [];
    const { from = 0, text = '' } = bytes.get(Math.floor(index / chunkSize)) ?? {};
    const byte = text[index - from] ?? '';
    return [[entry, outcomeOf(byte, status as GroupStatus) ?? 'open']];
  });
}

async function endsOfCallbacks({ keys, redis }: GroupStore, id: string, entries: readonly string[]): Promise<Ends> {
  const ends: Ends = [];
  for (const some of inParts(entries, { items: fieldsAtOnce })) {
    // The order matters: when an entry is no longer active, its result is stored.
    const [active, results] = await redis.use('hmget', (client) =>
      Promise.all([
        client.hmget(keys.active(id), ...some),
        client.hmget(keys.callbacks(id), ...some.map((entry) => `${callbackField.callbackResult}${entry}`)),
      ]),
    );
    some.forEach((entry, i) => {
      const end = active[i] ? 'open' : marks[results[i]?.[0] ?? ''];
      if (end) ends.push([entry, end]);
    });
  }
  return ends;
}

async function runsOf(
  { keys, redis }: GroupStore,
  id: string,
  entries: readonly string[],
): Promise<Map<string, string>> {
  const runs = new Map<string, string>();
  for (const some of inParts(entries, { items: fieldsAtOnce })) {
    const active = await redis.use('hmget', (client) => client.hmget(keys.active(id), ...some));
    some.forEach((entry, i) => runs.set(entry, runOf(active[i])));
  }
  return runs;
}
