import type { GroupStore, NewGroup } from './group-store';
import type { Effects } from './replies';
import { inParts } from '../utils/in-parts';

/** The maximum that one script writes: it blocks Redis for some milliseconds. */
const perScript = { items: 1_000, bytes: 1024 * 1024 };

/** The first run of a group, which starts as soon as all parts of the group are written. */
export interface FirstRun {
  message: string;
  /** The channel on which this process receives the end of the group. */
  endChannel?: string | undefined;
}

/**
 * Creates a group with all of its items, and starts it if asked to. A large group is written in parts, each by a script. If
 * the process dies, a repeated call with the same key continues where the first one ended.
 *
 * @returns whether this call created the group, and whether it started it
 */
export async function createInParts(
  store: GroupStore,
  group: NewGroup,
  items: readonly string[],
  run?: FirstRun,
): Promise<{ created: boolean; started: boolean; effects: Effects }> {
  const [first = [], ...rest] = inParts(items, perScript, (item) => Buffer.byteLength(item));
  if (rest.length === 0) {
    const { created, effects } = await store.create(group, first, run);
    return { created, started: created && run !== undefined, effects };
  }
  const { created, building, effects } = await store.create({ ...group, closed: false, building: first.length }, first);
  await addRest(store, group, rest, { expected: building, place: first.length });
  if (!run) return { created, started: false, effects };
  const { parent, above = {} } = group;
  const started = parent
    ? await store.runNested(group.id, run.message, parent, above)
    : await store.run(group.id, run.message, { endChannel: run.endChannel });
  // If several processes build the group at once, another one than its creator may have started it.
  return { created, started: started.code === 'started', effects: started.effects };
}

async function addRest(
  store: GroupStore,
  { id, closed }: NewGroup,
  parts: readonly string[][],
  from: { expected: number; place: number },
): Promise<void> {
  let { expected, place } = from;
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    if (place === expected) {
      const added = part.map((spec) => ({ spec, key: '' }));
      const reply = await store.add(id, added, { place, last, close: last && closed });
      // The group was cancelled or deleted meanwhile, so no more items are added.
      if (reply.code !== 'added' && reply.code !== 'moved') return;
      expected = reply.code === 'moved' ? reply.place : place + part.length;
    }
    place += part.length;
  }
}
