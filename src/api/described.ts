import type { SwarmConfig } from '../config/swarm-config';
import { kinds } from '../orchestrator/kinds';
import { groupFailure } from '../orchestrator/group-end';
import { isCallback, isGroupRun } from '../store/entry';
import { isEnded, emptySnapshot, type Snapshot } from '../store/group-reader';
import { childrenId, itemId, nestedId } from '../store/ids';
import type { ItemState } from '../store/item-state';
import type { ItemTimes } from '../store/item-times';
import { displayName, templateIn, unpackSpec, type GroupTemplate, type Spec } from '../store/spec';
import { TreeReader, type TreeItem } from '../store/tree-reader';
import type { Reading } from './reading';
import { statusOf as statusOfEntry } from './stored-entry';
import { progressOf, readProgress, statusOf } from './stored-group';
import type { Progress, Signature, SignatureStatus } from './types';

/** The description of a signature, and of each of its children. */
export interface Description {
  id: string;
  kind: Signature<unknown, unknown>['kind'];
  name: string;
  status: SignatureStatus;
  /** Counts of the items of a swarm or chain, or of the children of a root. */
  progress?: Progress;
  /** When a group, or a task that was run by itself, was created. */
  createdAt?: Date;
  /**
   * When it began: a group, when it was started (or last retried); a task or root, when its body first began, in its latest
   * round. Absent before, and when no worker with mageflow reports it.
   */
  startedAt?: Date;
  /** When it ended. Absent before. */
  endedAt?: Date;
  /** What was given as `tags` and `metadata`. Absent without any. */
  tags?: string[];
  metadata?: Record<string, string>;
  /** How often the body of a task or root has begun, in its latest round. Absent before. */
  attempts?: number;
  /** The configuration of a swarm or of a root's children. Only at the top level. */
  config?: SwarmConfig;
  /**
   * The id of the engine's run of a task or root, while it is running. At the top level also afterwards, if the engine still
   * has it.
   */
  runId?: string;
  /** The error message. */
  error?: string;
  /**
   * The message of a task or root: what was bound, merged over what its group was run with. Only at the top level, when
   * `message: true` is set. Absent when it has succeeded: its bound data are not kept then. A list of results that travels by reference is shown as `{ resultsOf: id }`.
   */
  message?: Record<string, unknown>;
  /** Its output, as `run` returns it. Only at the top level, when it has succeeded and `output: true` is set. */
  output?: unknown;
  /**
   * The invoked callbacks of the top level, the first 100, each by its latest invocation, with its error and run. Absent for
   * a task without invoked callbacks.
   */
  callbacks?: Description[];
  /** The items of a swarm or chain, or the children of a root, in the order of adding; at most `limit`. */
  children: Description[];
  /** Set when there are more children. Pass it with this id to `describe`. */
  cursor?: string;
}

/** A description, and the place of its children. */
export interface Node {
  shown: Description;
  /** Of a task or root: its id in the engine's history, and its place. */
  run?: { signatureId: string; groupId: string; entry: string };
  /** Its place in the group that it is an entry of; `uninvoked` for a callback that was not invoked yet. */
  place?: { groupId: string; entry: string };
  below?: Below;
}

/** Stands for the entry of a callback that was not invoked yet. */
export const uninvoked = 'c';

/** The group whose items are the children. For a group that does not exist yet, its stored form. */
export interface Below {
  groupId: string;
  total: number;
  unmade?: { items: string[]; state: ItemState };
}

/** An entry of a group as it was read from Redis. */
export interface Entry {
  groupId: string;
  entry: string;
  /** The id in its description. */
  id: string;
  spec: Spec;
  state: ItemState;
  run: string;
  error: string | undefined;
  times: ItemTimes | undefined;
}

/** Returns the id of the group that an entry is, or that contains its children, if that group exists. */
export function groupOf({ groupId, entry, spec }: Pick<Entry, 'groupId' | 'entry' | 'spec'>): string | undefined {
  if (spec.group === undefined) return undefined;
  if (spec.group === 'root') return childrenId(groupId, entry);
  return !isCallback(entry) && spec.id !== undefined ? spec.id : nestedId(groupId, entry);
}

/** Describes an existing chain or swarm. @param failure - its error, if it was read already */
export async function describeGroup(
  { reader }: Reading,
  id: string,
  snapshot: Snapshot,
  failure?: string,
): Promise<Node> {
  const status = statusOf(snapshot);
  const error =
    status === 'failed' ? (failure ?? groupFailure(snapshot, (await reader.failures(id)).failures)) : undefined;
  const shown: Description = {
    id,
    kind: kinds[snapshot.kind].noun,
    name: snapshot.name,
    status,
    progress: await readProgress(reader, id, snapshot),
    ...timesIn(snapshot),
    ...snapshot.labels,
    ...(error === undefined ? {} : { error }),
    children: [],
  };
  return { shown, below: { groupId: id, total: snapshot.total } };
}

/** Returns the times that a group or an entry has come to. */
function timesIn(
  of: Partial<ItemTimes & Pick<Snapshot, 'createdAt'>> | undefined,
): Pick<Description, 'createdAt' | 'startedAt' | 'endedAt' | 'attempts'> {
  const { createdAt, startedAt, endedAt, attempts = 0 } = of ?? {};
  return {
    ...(createdAt === undefined ? {} : { createdAt: new Date(createdAt) }),
    ...(startedAt === undefined ? {} : { startedAt: new Date(startedAt) }),
    ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt) }),
    ...(attempts === 0 ? {} : { attempts }),
  };
}

/**
 * Describes an entry.
 * @param snapshot - of its group
 * @param template - the stored form of a group that does not exist yet
 */
export async function describeEntry(
  reading: Reading,
  at: Entry,
  snapshot: Snapshot | undefined,
  template: GroupTemplate | undefined,
): Promise<Node> {
  const { id, spec, state, run, groupId, entry } = at;
  const name = displayName(spec);
  const below = groupOf(at);
  if (below !== undefined && spec.group !== 'root') {
    if (!snapshot) return { ...describeUnmade(at, name, below, template), place: { groupId, entry } };
    const node = await describeGroup(reading, below, snapshot, at.error);
    return { ...node, shown: { ...node.shown, id, name }, place: { groupId, entry } };
  }
  const status = statusOfEntry(state);
  const progress = below !== undefined && snapshot ? await readProgress(reading.reader, below, snapshot) : undefined;
  const shown: Description = {
    id,
    kind: below === undefined ? 'task' : 'root',
    name,
    status,
    ...(below === undefined ? {} : { progress: progress ?? progressOf(nothing('root', name, state, 0)) }),
    ...timesIn(at.times),
    ...(run === '' || isGroupRun(run) ? {} : { runId: run }),
    ...spec.labels,
    ...(at.error === undefined ? {} : { error: at.error }),
    children: [],
  };
  return {
    shown,
    run: { signatureId: spec.id ?? id, groupId, entry },
    place: { groupId, entry },
    ...(below !== undefined && snapshot ? { below: { groupId: below, total: snapshot.total } } : {}),
  };
}

/** Describes a page of children. Undefined when the group is gone. */
export async function describeItems(
  reading: Reading,
  { groupId, total, unmade }: Below,
  from: number,
  limit: number,
): Promise<{ total: number; nodes: Node[] } | undefined> {
  if (unmade) {
    const packed = unmade.items.slice(from, from + limit);
    const entries = packed.map((text, i) => entryOf(groupId, { ...untouched(unmade.state), index: from + i }, text));
    return { total, nodes: await describeAll(reading, entries) };
  }
  const page = await new TreeReader(reading.store, reading.reader).items(groupId, from, limit);
  if (!page) return undefined;
  return {
    total: page.total,
    nodes: await describeAll(
      reading,
      page.items.map((item) => entryOf(groupId, item)),
    ),
  };
}

/** Describes items of a group that exists, by their indexes in ascending order. Undefined when the group is gone. */
export async function describeItemsAt(
  reading: Reading,
  groupId: string,
  indexes: readonly number[],
): Promise<Node[] | undefined> {
  const page = await new TreeReader(reading.store, reading.reader).at(groupId, indexes);
  return (
    page &&
    describeAll(
      reading,
      page.items.map((item) => entryOf(groupId, item)),
    )
  );
}

async function describeAll(reading: Reading, entries: readonly Entry[]): Promise<Node[]> {
  const { reader, store } = reading;
  const snapshots = await Promise.all(
    entries.map(async (entry) => {
      const group = groupOf(entry);
      return group === undefined ? undefined : reader.snapshot(group);
    }),
  );
  const byValue = ({ spec }: Entry) => spec.group === 'chain' || spec.group === 'swarm';
  const unread = entries.filter((entry, i) => byValue(entry) && !entry.spec.data && !snapshots[i]);
  const read = await new TreeReader(store, reader).templates(
    unread[0]?.groupId ?? '',
    unread.map(({ entry }) => entry),
  );
  const templates = new Map(unread.map((entry, i) => [entry, read[i]]));
  return Promise.all(
    entries.map((entry, i) =>
      describeEntry(reading, entry, snapshots[i], templates.get(entry) ?? templateIn(entry.spec)),
    ),
  );
}

/** Describes a chain or swarm that is stored by value, and is created when it gets its slot. */
function describeUnmade(
  { id, spec, state, error, times }: Entry,
  name: string,
  groupId: string,
  template: GroupTemplate | undefined,
): Node {
  const kind = spec.group === 'chain' ? 'chain' : 'swarm';
  const shown: Description = {
    id,
    kind,
    name,
    status: statusOfEntry(state),
    ...(template ? { progress: progressOf(nothing(kind, name, state, template.items.length)) } : {}),
    ...spec.labels,
    ...timesIn(times && { ...times, attempts: 0 }),
    ...(error === undefined ? {} : { error }),
    children: [],
  };
  if (!template) return { shown };
  return { shown, below: { groupId, total: template.items.length, unmade: { items: template.items, state } } };
}

function entryOf(groupId: string, item: Omit<TreeItem, 'spec'> & { spec?: Spec }, packed?: string): Entry {
  const { index, state, run, error, times } = item;
  const spec = item.spec ?? unpackSpec(packed ?? '');
  return { groupId, entry: String(index), id: spec.id ?? itemId(groupId, index), spec, state, run, error, times };
}

/** Returns the state of an item of a group that does not exist yet. */
function untouched(state: ItemState): Pick<TreeItem, 'state' | 'run' | 'error' | 'times'> {
  return { state: isEnded(state) ? 'cancelled' : 'waiting', run: '', error: undefined, times: undefined };
}

/** Returns the snapshot of a group that does not exist yet, or never will. */
function nothing(kind: Snapshot['kind'], name: string, state: ItemState, total: number): Snapshot {
  const over = isEnded(state);
  return emptySnapshot({
    kind,
    name,
    status: over ? 'cancelled' : 'pending',
    closed: true,
    total,
    cancelled: over ? total : 0,
  });
}
