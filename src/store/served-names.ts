import { inParts } from '../utils/in-parts';
import type { GroupStore } from './group-store';

/** A task name, as a process with a wrapped worker announces it. */
export interface ServedTask {
  name: string;
  /** What serves it: a task, or a workflow of several tasks. */
  kind: 'task' | 'workflow';
  /** How long the declaration lets its runs wait for a worker; '' if it does not say. */
  scheduleTimeout: string;
}

/** The task names that wrapped workers serve, for all processes of the store. */
export class ServedNames {
  constructor(private readonly store: GroupStore) {}

  /** @param countsForMs - for how long the names count as served, in ms */
  async announce(served: readonly ServedTask[], countsForMs: number): Promise<void> {
    const { redis, keys, settings } = this.store;
    const names = served.flatMap(({ name, kind, scheduleTimeout }) => [name, kind, scheduleTimeout]);
    await redis.call('announce', [keys.served()], [countsForMs, settings.abandonedMs, ...names]);
  }

  /** Returns the announced names. `leftMs`: for how long each still counts as served, not above 0 when it does no more. */
  async read(): Promise<(ServedTask & { leftMs: number })[]> {
    const { redis, keys, settings } = this.store;
    const flat = (await redis.call('served', [keys.served()], [settings.abandonedMs])) as string[];
    return inParts(flat, { items: 4 }).map(([name = '', kind = '', leftMs = '', scheduleTimeout = '']) => ({
      name,
      kind: kind as ServedTask['kind'],
      leftMs: Number(leftMs),
      scheduleTimeout,
    }));
  }
}
