import type { Engine } from '../engine/engine';
import type { Publisher } from '../engine/publisher';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore, Work } from '../store/group-store';
import type { Locations } from '../store/locations';
import type { RunIds } from './run-ids';
import type { Waiter } from './waiter';

/** The parts of one instance that signatures work with. */
export interface Scope {
  readonly store: GroupStore;
  readonly engine: Engine;
  readonly reader: GroupReader;
  readonly publisher: Publisher;
  readonly waiter: Waiter;
  readonly locations: Locations;
  readonly runIds: RunIds;
}

/**
 * Publishes what a user's call was granted. The work is durable in Redis already: when the engine is away, the call
 * doesn't wait for it longer than for Redis.
 */
export async function publishFor({ publisher, store }: Scope, groupId: string, work: Work): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, store.settings.commandTimeoutMs);
  });
  try {
    await Promise.race([publisher.publish(groupId, work), enough]);
  } finally {
    clearTimeout(timer);
  }
}
