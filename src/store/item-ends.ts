import type { GroupStore } from './group-store';
import { marks, outcomeOf } from './item-state';
import type { GroupStatus } from './replies';
import { field } from './scripts.generated';

/** Up to this distance, in bytes, the states of two items are read at once. */
const joinedBelow = 256;

/**
 * Returns the results of items, completed from their state bytes where no result is stored. An item that failed or was
 * cancelled and never started in its retry has no result: undefined is returned for it. While an item is retried, its last
 * result is returned.
 */
export async function lastKnownOutcomes(
  { keys, redis }: GroupStore,
  id: string,
  indexes: readonly number[],
  results: readonly (string | undefined)[],
): Promise<(string | undefined)[]> {
  const open = results.map((result) => !result?.startsWith('s'));
  if (!open.includes(true)) return [...results];
  const unclear = indexes.filter((_, i) => open[i]);
  const spans = inSpans(unclear);
  const [status, ...texts] = await redis.use('getrange', (client) =>
    Promise.all([
      client.hget(keys.state(id), field.status),
      ...spans.map(([from, to]) => client.getrange(keys.bytes(id), from, to)),
    ]),
  );
  return results.map((result, i) => {
    const index = indexes[i] ?? 0;
    if (!open[i]) return result;
    const at = spans.findIndex(([from, to]) => from <= index && index <= to);
    const byte = texts[at]?.[index - (spans[at]?.[0] ?? 0)] ?? '';
    if (marks[byte]) return result?.startsWith(byte) ? result : byte;
    return outcomeOf(byte, status as GroupStatus) ? undefined : result;
  });
}

/** Joins indexes that are near each other into spans, because each read costs more than some bytes of it. */
function inSpans(indexes: readonly number[]): [from: number, to: number][] {
  const spans: [number, number][] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last && index - last[1] <= joinedBelow) last[1] = index;
    else spans.push([index, index]);
  }
  return spans;
}

/** Returns a stored output as JSON text; undefined if it only refers to the list of a group. */
export function inlined(payload: string): string | undefined {
  return payload.startsWith('@') ? undefined : payload || 'null';
}
