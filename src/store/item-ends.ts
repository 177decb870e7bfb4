import type { GroupStore } from './group-store';
import { isStopped, marks } from './item-state';
import type { GroupStatus } from './replies';

/**
 * Results of items that ended, for what kept none how it ended. What failed or was cancelled, was to be tried again and never
 * started has none; while it runs again, it is told as it last ended.
 */
export async function lastKnownOutcomes(
  { keys, redis }: GroupStore,
  id: string,
  indexes: readonly number[],
  results: readonly (string | undefined)[],
): Promise<(string | undefined)[]> {
  const open = results.map((result) => !result?.startsWith('s'));
  if (!open.includes(true)) return [...results];
  const key = keys.bytes(id);
  const [status, ...bytes] = await redis.use('getrange', (client) =>
    Promise.all([
      client.hget(keys.state(id), 'st'),
      ...indexes.map(async (index, i) => (open[i] ? client.getrange(key, index, index) : '')),
    ]),
  );
  return results.map((result, i) => {
    const byte = bytes[i] ?? '';
    if (!open[i]) return result;
    if (marks[byte]) return result?.startsWith(byte) ? result : byte;
    return isStopped(status as GroupStatus) ? undefined : result;
  });
}

/** An output as JSON text; undefined of one that only names a list. */
export function inlined(payload: string): string | undefined {
  return payload.startsWith('@') ? undefined : payload || 'null';
}
