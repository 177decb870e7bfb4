import { groupFailure } from '../orchestrator/group-end';
import { isEnded, emptySnapshot, type Snapshot } from '../store/group-reader';
import { childrenId, itemId, nestedId } from '../store/ids';
import type { ItemState } from '../store/item-state';
import { templateIn, unpackSpec, type GroupTemplate, type Spec } from '../store/spec';
import { TreeReader, type TreeItem } from '../store/tree-reader';
import type { Scope } from './scope';
import { statusOf as statusOfEntry } from './stored-entry';
import { progressOf, statusOf } from './stored-group';
import type { Progress, Signature, SignatureStatus } from './types';

/** What `mage.describe` tells of a signature, and of each of its children. */
export interface Description {
  id: string;
  kind: Signature<unknown, unknown>['kind'];
  name: string;
  status: SignatureStatus;
  /** Counts of the items of a swarm or chain, of the children of a root. */
  progress?: Progress;
  /** The engine's run of a task or root, as long as it is under way; of the described one also afterwards, if the engine knows it. */
  runId?: string;
  /** Why it failed. */
  error?: string;
  /** What it gave, as `run` gives it: of the described one when it has succeeded and `output: true` asks for it. */
  output?: unknown;
  /**
   * The callbacks that were fired for the described one, the first 100, each by its latest firing, with its error and run.
   * Absent for a task for which none were fired.
   */
  callbacks?: Description[];
  /** The items of a swarm or chain, the children of a root, in the order of adding: as many as were asked for. */
  children: Description[];
  /** Set when there are more children: hand it in with this one's id. */
  cursor?: string;
}

/** What is described, and where its children are. */
export interface Node {
  shown: Description;
  /** Of a task or root: the id by which the engine's history knows it, and its place. */
  run?: { signatureId: string; groupId: string; entry: string };
  below?: Below;
}

/** The group whose items are children; one that has not come to be, as it is stored. */
export interface Below {
  groupId: string;
  total: number;
  unmade?: { items: string[]; state: ItemState };
}

/** An entry of a group as it was read. */
export interface Entry {
  groupId: string;
  entry: string;
  /** Under which it is shown. */
  id: string;
  spec: Spec;
  state: ItemState;
  run: string;
  error: string | undefined;
}

/** The group that an entry is, or that its children are in, once that has come to be. */
export function groupOf({ groupId, entry, spec }: Pick<Entry, 'groupId' | 'entry' | 'spec'>): string | undefined {
  if (spec.group === undefined) return undefined;
  if (spec.group === 'root') return childrenId(groupId, entry);
  return !entry.startsWith('c') && spec.id !== undefined ? spec.id : nestedId(groupId, entry);
}

/** Describes a chain or swarm that is there. @param failure - why it failed, where that is known already */
export async function describeGroup(
  { reader }: Scope,
  id: string,
  snapshot: Snapshot,
  failure?: string,
): Promise<Node> {
  const status = statusOf(snapshot);
  const error =
    status === 'failed' ? (failure ?? groupFailure(snapshot, (await reader.failures(id)).failures)) : undefined;
  const shown: Description = {
    id,
    kind: snapshot.kind === 'chain' ? 'chain' : 'swarm',
    name: snapshot.name,
    status,
    progress: progressOf(snapshot),
    ...(error === undefined ? {} : { error }),
    children: [],
  };
  return { shown, below: { groupId: id, total: snapshot.total } };
}

/** Describes an entry. @param snapshot - of its group @param template - of one that has not come to be */
export async function describeEntry(
  scope: Scope,
  at: Entry,
  snapshot: Snapshot | undefined,
  template: GroupTemplate | undefined,
): Promise<Node> {
  const { id, spec, state, run, groupId, entry } = at;
  const name = spec.name ?? spec.task;
  const below = groupOf(at);
  if (below !== undefined && spec.group !== 'root') {
    if (!snapshot) return describeUnmade(at, name, below, template);
    const node = await describeGroup(scope, below, snapshot, at.error);
    return { ...node, shown: { ...node.shown, id, name } };
  }
  const status = statusOfEntry(state);
  const shown: Description = {
    id,
    kind: below === undefined ? 'task' : 'root',
    name,
    status,
    ...(below === undefined ? {} : { progress: progressOf(snapshot ?? nothing('root', name, state, 0)) }),
    ...(run === '' || run.startsWith('g:') ? {} : { runId: run }),
    ...(at.error === undefined ? {} : { error: at.error }),
    children: [],
  };
  return {
    shown,
    run: { signatureId: spec.id ?? id, groupId, entry },
    ...(below !== undefined && snapshot ? { below: { groupId: below, total: snapshot.total } } : {}),
  };
}

/** Describes a page of children; undefined when the group is gone. */
export async function describeItems(
  scope: Scope,
  { groupId, total, unmade }: Below,
  from: number,
  limit: number,
): Promise<{ total: number; nodes: Node[] } | undefined> {
  if (unmade) {
    const packed = unmade.items.slice(from, from + limit);
    const entries = packed.map((text, i) => entryOf(groupId, { ...untouched(unmade.state), index: from + i }, text));
    return { total, nodes: await describeAll(scope, entries) };
  }
  const page = await new TreeReader(scope.store, scope.reader).items(groupId, from, limit);
  if (!page) return undefined;
  return {
    total: page.total,
    nodes: await describeAll(
      scope,
      page.items.map((item) => entryOf(groupId, item)),
    ),
  };
}

async function describeAll(scope: Scope, entries: readonly Entry[]): Promise<Node[]> {
  const { reader, store } = scope;
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
      describeEntry(scope, entry, snapshots[i], templates.get(entry) ?? templateIn(entry.spec)),
    ),
  );
}

/** A chain or swarm stored by value, which comes to be when it gets its slot. */
function describeUnmade(
  { id, spec, state, error }: Entry,
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
    ...(error === undefined ? {} : { error }),
    children: [],
  };
  if (!template) return { shown };
  return { shown, below: { groupId, total: template.items.length, unmade: { items: template.items, state } } };
}

function entryOf(groupId: string, item: Omit<TreeItem, 'spec'> & { spec?: Spec }, packed?: string): Entry {
  const { index, state, run, error } = item;
  const spec = item.spec ?? unpackSpec(packed ?? '');
  return { groupId, entry: String(index), id: spec.id ?? itemId(groupId, index), spec, state, run, error };
}

/** What there is to tell of an item of a group that has not come to be. */
function untouched(state: ItemState): Pick<TreeItem, 'state' | 'run' | 'error'> {
  return { state: isEnded(state) ? 'cancelled' : 'waiting', run: '', error: undefined };
}

/** A group that never comes to be, or has not yet. */
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
