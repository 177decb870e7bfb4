import { ConfigurationError, describe } from '../config/errors';
import { bytesOf } from '../messages/json';
import { refuseUnknown, trueOrFalse } from '../config/options';
import { text } from '../config/text';
import { newSecret, type NewGroup } from '../store/group-store';
import { keyedId, newId } from '../store/ids';
import { callbackIds } from '../store/spec';
import { checkRunOptions, runFields } from './binding';
import { checkLabels, labelFields, type LabelOptions } from './labels';
import { resolveConfig, type SwarmConfig } from '../config/swarm-config';
import { inParts } from '../utils/in-parts';
import { perScript, placeAll, prepareGroup, releaseAll, undo, type PreparedEntry } from './entries';
import { identityOfTasks } from './identity';
import { currentRoot, type Scope } from './scope';
import { TaskSwarm } from './task-swarm';
import type { Owner, RunOptions, Swarm, TaskEntry, TaskLike } from './types';

/** Options of `mage.swarm`; all optional. */
export interface SwarmOptions<
  T extends readonly TaskEntry[] = readonly TaskEntry[],
  S extends readonly TaskLike[] = readonly TaskLike[],
>
  extends RunOptions, LabelOptions {
  /** The first items: declarations, names, signatures or `[task, data?, options?]`. Default: none. */
  tasks?: T | undefined;
  /**
   * Run once, after every item has ended, unless the swarm reached a failure limit, was cancelled or timed out. Failed items
   * alone do not prevent it.
   */
  successCallbacks?: S | undefined;
  /** Run once, after a failure limit was reached or the swarm was cancelled, and its running items have ended. */
  errorCallbacks?: readonly TaskLike[] | undefined;
  config?: SwarmConfig | undefined;
  /** True if nothing can be added. Default false. */
  isSwarmClosed?: boolean | undefined;
  /** A name for people: in `list`, `describe` and the metadata of its runs. Default `'swarm'`. */
  name?: string | undefined;
  /** Idempotency key. A second swarm with one key is the first one. It runs once; a later `run` attaches to it. */
  key?: string | undefined;
}

/** The names of all options. */
export const swarmFields: ReadonlySet<string> = new Set([
  'tasks',
  'successCallbacks',
  'errorCallbacks',
  'config',
  'isSwarmClosed',
  'name',
  'key',
  ...labelFields,
  ...runFields,
]);

/**
 * Checks everything, then writes the swarm with one script for each 1,000 items. Removes all of it when one script fails.
 */
export async function makeSwarm<O>(scope: Scope, options: SwarmOptions): Promise<Swarm<O>> {
  refuseUnknown(options, swarmFields, 'option of swarm');
  const { tasks = [], isSwarmClosed = false } = options;
  if (!Array.isArray(tasks)) throw new ConfigurationError(`tasks: expected a list of tasks, got ${describe(tasks)}.`);
  trueOrFalse('isSwarmClosed', isSwarmClosed);
  const config = resolveConfig(options.config);
  const key = text(options.key, 'key');
  const name = text(options.name, 'name') ?? 'swarm';
  const runOptions = checkRunOptions(options, `the swarm "${name}"`);
  const labelled = checkLabels(options, `the swarm "${name}"`);
  const root = currentRoot(scope);
  const identity = key ?? root?.identify('swarm', name, identityOfTasks(tasks), JSON.stringify(config));
  const id = identity === undefined ? newId() : keyedId('swarm', root ? `${root.groupId} ${identity}` : identity);
  const owner: Owner = { groupId: id, name, kind: 'swarm', mayAttach: identity !== undefined };
  const given = config.keepResults ? 'list' : 'output';
  const { successCallbacks, errorCallbacks, entries } = await prepareGroup(scope, { tasks, options, owner }, given);
  const { maxItems } = config;
  if (maxItems !== null && entries.length > maxItems)
    throw new ConfigurationError(`tasks: expected at most ${maxItems} entries (maxItems), got ${entries.length}.`);
  root?.made.set(id, name);
  const chunks = inChunks(entries);
  const group: NewGroup = {
    id,
    kind: 'swarm',
    name,
    secret: newSecret(),
    closed: (isSwarmClosed || entries.length === maxItems) && chunks.length <= 1,
    ...(chunks.length > 1 ? { building: chunks[0]?.length ?? 0 } : {}),
    ...config,
    ...labelled,
    ...(runOptions ? { options: JSON.stringify(runOptions) } : {}),
    successCallbacks,
    errorCallbacks,
  };
  const made = { madeIn: root, keyed: key !== undefined };
  const content = { chunks, close: isSwarmClosed, again: root !== undefined };
  const created = await write(scope, new TaskSwarm<O>(scope, id, name, made), group, content);
  const snapshot = created ? undefined : await scope.reader.snapshot(id);
  return new TaskSwarm<O>(scope, id, snapshot?.name ?? name, { ...made, created });
}

interface Content {
  chunks: readonly PreparedEntry[][];
  close: boolean;
  /** True if an earlier attempt may have made it. Then the passed signatures may be in it already. */
  again: boolean;
}

async function write(
  scope: Scope,
  swarm: TaskSwarm<unknown>,
  group: NewGroup,
  { chunks, close, again }: Content,
): Promise<boolean> {
  const { store, commands, cache } = scope;
  const placeFrom = (entries: readonly PreparedEntry[], from: number) =>
    Promise.all(entries.flatMap(({ member }, i) => (member ? [member.commit(from + i, false)] : [])));
  const [first = [], ...rest] = chunks;
  const began = scope.store.clock.elapsed();
  try {
    const specs = first.map(({ packed }) => packed);
    const reply = await commands.create(group, specs, async (stored) => {
      if (!stored.created) return again ? placeFrom(first, 0) : releaseAll(first);
      cache.made(group, stored.effects.version);
      const indexes = first.map((_, i) => i);
      await placeAll(scope, group.id, first, { indexes, firstNew: 0 });
    });
    const { created } = reply;
    // A swarm with a key may be incomplete: another call is still making it, or has died. Each item is added once.
    let expected = created ? first.length : reply.building;
    let place = first.length;
    for (const [i, chunk] of rest.entries()) {
      const last = i === rest.length - 1;
      if (place === expected) expected = await swarm.addAsPart(chunk, { close: close && last, place, last });
      else await (again ? placeFrom(chunk, place) : releaseAll(chunk));
      place += chunk.length;
    }
    const { successCallbacks, errorCallbacks } = group;
    const ids = callbackIds({ successCallbacks: [...successCallbacks], errorCallbacks: [...errorCallbacks] });
    if (created)
      await scope.signatureIndex.record(
        group.id,
        ids.map((callback) => ({ id: callback })),
      );
    return created;
  } catch (error) {
    const gone = store.discard(group).catch(() => false);
    await undo(scope, began, Promise.all([gone, releaseAll(chunks.flat(), gone)]));
    throw error;
  }
}

/**
 * Splits the entries into one chunk for each script: at most 1,000 entries and a few megabytes. Keyed entries are looked up
 * when they are added, so the first chunk stays empty for them.
 */
function inChunks(entries: readonly PreparedEntry[]): PreparedEntry[][] {
  const chunks = inParts(entries, perScript, ({ packed }) => bytesOf(packed));
  return entries.some((entry) => entry.key !== '') ? [[], ...chunks] : chunks;
}
