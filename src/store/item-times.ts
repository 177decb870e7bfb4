import { callbackNumber, isCallback } from './entry';
import type { GroupStore } from './group-store';
import { inParts } from '../utils/in-parts';
import { field } from './scripts.generated';

/** When an entry began and ended, in ms by the clock of Redis, and how many of its attempts have begun. */
export interface ItemTimes {
  /** When its first attempt began, in its latest round. Undefined when none did, or nobody has reported it. */
  startedAt: number | undefined;
  endedAt: number | undefined;
  attempts: number;
}

/** As in lua/lib/times.lua. */
const rowBytes = 12;
const rowsPerBlock = 64;
const noBegin = 2 ** 40 - 1;
const firstCallback = 2 ** 31;

const blocksAtOnce = 500;

/** The number of ms from the creation of the group to the end, from the begin to the end, and the attempts. */
type Row = readonly [ended: number, lasted: number, attempts: number];

/** Returns the times of entries that have ended, in the same order; undefined when they are not stored. */
export async function timesOf(
  { keys, redis }: GroupStore,
  id: string,
  entries: readonly string[],
): Promise<(ItemTimes | undefined)[]> {
  if (entries.length === 0) return [];
  const places = entries.map(placeOf);
  const names = [...new Set(places.map(({ block }) => block))];
  const parts = inParts(names, { items: blocksAtOnce });
  // The order matters: rows move from the state of the group to the blocks.
  const [[createdAt, recent], ...read] = await redis.use('hmget', (client) =>
    Promise.all([
      client.hmget(keys.state(id), field.createdAt, field.recentTimes),
      ...parts.map((some) => client.hmgetBuffer(keys.times(id), ...some)),
    ]),
  );
  const stored = read.flat();
  const blocks = new Map(names.map((name, i) => [name, stored[i]]));
  const latest = recentRows(recent ?? '');
  return entries.map((entry, i) => {
    const { block, at } = places[i] ?? placeOf(entry);
    const row = latest.get(entry) ?? rowAt(blocks.get(block), at);
    return row && toTimes(row, Number(createdAt));
  });
}

function placeOf(entry: string): { block: string; at: number } {
  const number = isCallback(entry) ? firstCallback + callbackNumber(entry) : Number(entry);
  return { block: String(Math.floor(number / rowsPerBlock)), at: (number % rowsPerBlock) * rowBytes };
}

/** Reads the rows that are still in the state of the group. A later row of an entry replaces an earlier one. */
function recentRows(text: string): Map<string, Row> {
  const rows = new Map<string, Row>();
  const words = text.split(' ');
  for (let i = 0; i + 3 < words.length; i += 4)
    rows.set(words[i] ?? '', [Number(words[i + 1]), Number(words[i + 2]), Number(words[i + 3])]);
  return rows;
}

function rowAt(block: Buffer | null | undefined, at: number): Row | undefined {
  if (!block || block.length < at + rowBytes) return undefined;
  // 0 stands for a row that was never written.
  const ended = block.readUIntBE(at, 5);
  return ended === 0 ? undefined : [ended - 1, block.readUIntBE(at + 5, 5), block.readUInt16BE(at + 10)];
}

function toTimes([ended, lasted, attempts]: Row, createdAt: number): ItemTimes {
  const endedAt = createdAt + ended;
  return { startedAt: lasted === noBegin ? undefined : endedAt - lasted, endedAt, attempts };
}
