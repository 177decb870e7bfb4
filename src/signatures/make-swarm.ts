import { ConfigurationError, describe } from '../errors';
import { refuseUnknown } from '../options';
import { newSecret, type NewGroup } from '../store/group-store';
import { keyedId, newId } from '../store/ids';
import { callbacks, checkRunOptions, text } from './binding';
import { resolveConfig, type SwarmConfig } from './config';
import { bytesPerScript, entriesPerScript, placeLocations, prepare, type PreparedEntry } from './entries';
import { publishFor, type Scope } from './scope';
import { callbackIds } from './task-signature';
import { TaskSwarm } from './task-swarm';
import type { OutputOf, RunOptions, Swarm, TaskEntry, TaskLike } from './types';

/** What `mage.swarm` takes. */
export interface SwarmOptions<T extends TaskEntry = TaskEntry> extends RunOptions {
  /** Its first items: declarations, names and signatures in any mixture. Default none. */
  tasks?: readonly T[];
  /** Run when all is done and no limit was reached, also when items failed. */
  successCallbacks?: readonly TaskLike[];
  /** Run once when the limit of failures was reached, after the running items have finished. */
  errorCallbacks?: readonly TaskLike[];
  config?: SwarmConfig;
  /** Whether nothing can be added any more. Default false. */
  isSwarmClosed?: boolean;
  /** For people: shown in tools and in its runs' metadata. */
  name?: string;
  /** An identity: a swarm that is made twice with one key is the first. */
  key?: string;
}

const fields = new Set([
  'tasks',
  'successCallbacks',
  'errorCallbacks',
  'config',
  'isSwarmClosed',
  'name',
  'key',
  'additionalMetadata',
  'priority',
  'sticky',
  'desiredWorkerLabels',
]);

/** Checks everything, then writes the swarm: one script for each 1,000 tasks. Nothing of it is left when one fails. */
export async function makeSwarm<T extends TaskEntry>(
  scope: Scope,
  options: SwarmOptions<T>,
): Promise<Swarm<OutputOf<T>>> {
  const { store } = scope;
  refuseUnknown(options, fields, 'option of swarm');
  const { tasks = [], isSwarmClosed = false } = options;
  if (!Array.isArray(tasks)) throw new ConfigurationError(`tasks: expected a list of tasks, got ${describe(tasks)}.`);
  if (typeof isSwarmClosed !== 'boolean')
    throw new ConfigurationError(`isSwarmClosed: expected true or false, got ${describe(isSwarmClosed)}.`);
  const config = resolveConfig(options.config);
  const key = text(options.key, 'key');
  const name = text(options.name, 'name') ?? 'swarm';
  const id = key === undefined ? newId() : keyedId('swarm', key);
  const successCallbacks = callbacks(options.successCallbacks, 'successCallbacks', store.identity);
  const errorCallbacks = callbacks(options.errorCallbacks, 'errorCallbacks', store.identity);
  const runOptions = checkRunOptions(options, `the swarm "${name}"`);
  const entries = prepareAll(tasks, id, name, store.identity);
  const chunks = inChunks(entries);
  const group: NewGroup = {
    id,
    kind: 'swarm',
    name,
    secret: newSecret(),
    closed: isSwarmClosed && chunks.length <= 1,
    building: chunks.length > 1 ? (chunks[0]?.length ?? 0) : 0,
    ...config,
    ...(runOptions ? { options: JSON.stringify(runOptions) } : {}),
    successCallbacks,
    errorCallbacks,
  };
  const swarm = new TaskSwarm<OutputOf<T>>(scope, id, name);
  const created = await write(scope, swarm, group, chunks, isSwarmClosed);
  if (!created) return new TaskSwarm<OutputOf<T>>(scope, id, (await scope.reader.snapshot(id))?.name ?? name);
  await scope.locations.record(
    id,
    callbackIds({ successCallbacks, errorCallbacks }).map((callback) => ({ id: callback })),
  );
  return swarm;
}

function prepareAll(tasks: readonly TaskEntry[], id: string, name: string, store: string): PreparedEntry[] {
  const entries: PreparedEntry[] = [];
  try {
    for (let i = 0; i < tasks.length; i++) entries.push(prepare(tasks[i] as TaskEntry, id, name, `tasks[${i}]`, store));
    return entries;
  } catch (error) {
    release(entries);
    throw error;
  }
}

async function write(
  scope: Scope,
  swarm: TaskSwarm<unknown>,
  group: NewGroup,
  chunks: readonly PreparedEntry[][],
  close: boolean,
): Promise<boolean> {
  const { store } = scope;
  const [first = [], ...rest] = chunks;
  let created = false;
  try {
    const reply = await store.create(
      group,
      first.map(({ packed }) => packed),
    );
    created = reply.created;
    if (!created) release(first);
    else {
      first.forEach(({ signature }, i) => signature?.place(i));
      await placeLocations(
        scope,
        group.id,
        first,
        first.map((_, i) => i),
      );
      await publishFor(scope, group.id, reply.work);
    }
    // What has a key may be half made, by somebody who is at it still or has died: each of its tasks is added once.
    let expected = created ? first.length : reply.building;
    let place = first.length;
    for (const [i, chunk] of rest.entries()) {
      const last = i === rest.length - 1;
      if (place === expected) expected = await swarm.addAsPart(chunk, { close: close && last, place, last });
      else release(chunk);
      place += chunk.length;
    }
    return created;
  } catch (error) {
    for (const chunk of chunks) release(chunk);
    if (created) await store.forget(group.id, 0);
    throw error;
  }
}

/** What one script writes: at most 1,000 entries and a few megabytes. Keyed entries are looked up as they are added, so the first chunk stays empty for them. */
function inChunks(entries: readonly PreparedEntry[]): PreparedEntry[][] {
  const chunks: PreparedEntry[][] = entries.some((entry) => entry.key !== '') ? [[], []] : [[]];
  let bytes = 0;
  for (const entry of entries) {
    const current = chunks.at(-1);
    bytes += entry.packed.length;
    if (current && current.length < entriesPerScript && (bytes <= bytesPerScript || current.length === 0)) {
      current.push(entry);
    } else {
      chunks.push([entry]);
      bytes = entry.packed.length;
    }
  }
  return chunks;
}

function release(entries: readonly PreparedEntry[]): void {
  for (const { signature } of entries) signature?.release();
}
