import { MageflowError } from '../config/errors';
import { messageOf } from '../utils/error-message';

/** The groups that were changed, and those that could not be. */
export interface ForEachId {
  done: string[];
  failed: { id: string; error: string }[];
}

const atOnce = 20;

/**
 * Does something to each group, some at once. An error that concerns one group does not keep it from the others.
 * @param options - `signal`: stops after the groups that are under way; `onDone`: is called with their number after each
 * @throws StoreError, ClosedError, and each other error that would be the same for all groups
 */
export async function forEachId(
  ids: readonly string[],
  act: (id: string) => Promise<unknown>,
  { signal, onDone }: { signal?: AbortSignal; onDone?: (done: number) => void } = {},
): Promise<ForEachId> {
  const outcome: ForEachId = { done: [], failed: [] };
  let next = 0;
  const work = async () => {
    while (next < ids.length && !signal?.aborted) {
      const id = ids[next++] ?? '';
      try {
        await act(id);
        outcome.done.push(id);
      } catch (error) {
        if (!(error instanceof MageflowError) || error.code === 'STORE' || error.code === 'CLOSED') throw error;
        outcome.failed.push({ id, error: messageOf(error) });
      }
      onDone?.(outcome.done.length + outcome.failed.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, ids.length) }, work));
  return outcome;
}
