import { ConfigurationError, NotFoundError, describe } from '../config/errors';
import { refuseUnknown } from '../config/options';
import { itemId, parseInvocationId, parseItemId } from '../store/ids';
import type { SignatureLocation } from '../store/signature-index';
import { callbacksOf, unpackCallback, unpackSpec, type Spec } from '../store/spec';
import { groupOf } from './described';
import type { Scope } from './scope';
import { StoredEntry } from './stored-entry';
import { placeholderSnapshot } from './stored-group';
import { TaskSignature } from './task-signature';
import { TaskSwarm } from './task-swarm';
import type { AnySignature, Chain, RootSignature, Signature, Swarm } from './types';

type Kind = AnySignature['kind'];

/** Options of `mage.load`. */
export interface LoadOptions<K extends Kind = Kind> {
  /** The expected kind, which types the result. Another kind throws `ConfigurationError`. Default: any kind. */
  kind?: K | undefined;
}

type Message = Record<string, unknown>;

/**
 * The result of `mage.load` for a kind.
 * @typeParam O - the output (of a swarm: that of each item), or the whole type of the signature
 */
export type Loaded<K extends Kind, O> = [O] extends [AnySignature]
  ? O
  : K extends 'swarm'
    ? Swarm<O>
    : K extends 'chain'
      ? Chain<Message, O>
      : K extends 'root'
        ? RootSignature<Message, O>
        : Signature<Message, O>;

const fields = new Set(['kind']);
const kinds: readonly unknown[] = ['task', 'root', 'chain', 'swarm'];

/** Loads the signature of an id from the store. @throws NotFoundError, ConfigurationError when it is of another kind */
export async function load(scope: Scope, id: string, options: LoadOptions = {}): Promise<AnySignature> {
  refuseUnknown(options, fields, 'option of load');
  const { kind } = options;
  if (kind !== undefined && !kinds.includes(kind))
    throw new ConfigurationError(`kind of load: expected one of ${kinds.join(', ')}, got ${describe(kind)}.`);
  const found = await find(scope, id);
  if (kind !== undefined && found.kind !== kind)
    throw new ConfigurationError(
      `load: expected a ${kind}, but ${id} is the ${found.kind} "${found.name}". Load it with { kind: '${found.kind}' }, or without a kind.`,
    );
  return found;
}

async function find(scope: Scope, id: string): Promise<AnySignature> {
  const found =
    typeof id === 'string' && id !== ''
      ? ((await loadItem(scope, id)) ?? (await loadGroup(scope, id)) ?? (await loadLocated(scope, id)))
      : undefined;
  if (!found) throw unknownId(id);
  return found;
}

export function unknownId(id: unknown): NotFoundError {
  return new NotFoundError(
    `No signature with the id ${describe(id)} is stored. A signature is stored once it is run, attached as a callback or put into a group, and until its retention has passed.`,
  );
}

async function loadItem(scope: Scope, id: string): Promise<AnySignature | undefined> {
  const firing = parseInvocationId(id);
  if (firing) {
    const packed = await scope.reader.callback(firing.groupId, firing.entry);
    if (packed === undefined) return undefined;
    const { spec } = unpackCallback(packed);
    return swarmOf(scope, { ...firing, spec }, id) ?? new TaskSignature(scope, spec, id);
  }
  const parsed = parseItemId(id);
  return parsed && itemAt(scope, parsed.groupId, parsed.index);
}

async function loadGroup(scope: Scope, id: string): Promise<AnySignature | undefined> {
  const snapshot = await scope.reader.snapshot(id);
  if (!snapshot) return undefined;
  if (snapshot.kind === 'swarm' || snapshot.kind === 'root') return new TaskSwarm(scope, id, snapshot.name);
  if (snapshot.kind === 'chain')
    return TaskSignature.standalone(scope, id, { task: snapshot.name, name: snapshot.name, group: 'chain' });
  const item = await scope.reader.item(id, '0');
  return item && TaskSignature.standalone(scope, id, unpackSpec(item.spec));
}

async function loadLocated(scope: Scope, id: string): Promise<AnySignature | undefined> {
  const location = await scope.locations.find(id);
  if (!location) return undefined;
  if (location.index !== undefined) return itemAt(scope, location.groupId, location.index);
  const fired = await scope.reader.latestInvocation(location.groupId, id);
  const packed = fired && (await scope.reader.callback(location.groupId, fired));
  const spec = packed ? unpackCallback(packed).spec : await templateOf(scope, location, id);
  return spec && new TaskSignature(scope, spec, id);
}

async function itemAt(scope: Scope, groupId: string, index: number): Promise<AnySignature | undefined> {
  const [snapshot, item] = await Promise.all([
    scope.reader.snapshot(groupId),
    scope.reader.item(groupId, String(index)),
  ]);
  if (!snapshot || !item) return undefined;
  const spec = unpackSpec(item.spec);
  const { group, id = '', task } = spec;
  if (group === 'swarm-ref') return new TaskSwarm(scope, id, task);
  const swarm = swarmOf(scope, { groupId, entry: String(index), spec }, id || itemId(groupId, index));
  if (swarm) return swarm;
  // Nothing runs by itself in a group of one.
  const kind = snapshot.kind === 'task' ? 'swarm' : snapshot.kind;
  return TaskSignature.item(scope, { groupId, name: snapshot.name, kind }, index, item.spec);
}

/** Returns the swarm that is created from an entry; undefined for any other entry. */
function swarmOf(
  scope: Scope,
  at: { groupId: string; entry: string; spec: Spec },
  id: string,
): TaskSwarm<unknown> | undefined {
  const below = at.spec.group === 'swarm' ? groupOf(at) : undefined;
  if (below === undefined) return undefined;
  const name = at.spec.name ?? at.spec.task;
  const entry = new StoredEntry(scope, at.groupId, at.entry, { id, name, isGroup: true });
  return new TaskSwarm(scope, below, name, { before: () => placeholderSnapshot(name, entry) });
}

/** Finds a callback that was not invoked, in the list that it is attached to, or nested in another callback of that list. */
export async function templateOf(
  scope: Scope,
  { groupId, callbackOf }: SignatureLocation,
  id: string,
): Promise<Spec | undefined> {
  if (callbackOf === undefined) return findTemplate(await scope.reader.callbackLists(groupId), id);
  const item = await scope.reader.item(groupId, String(callbackOf));
  return item && findTemplate(callbacksOf(unpackSpec(item.spec)), id);
}

function findTemplate(packed: readonly string[], id: string): Spec | undefined {
  for (const text of packed) {
    const spec = unpackSpec(text);
    const found = spec.id === id ? spec : findTemplate(callbacksOf(spec), id);
    if (found) return found;
  }
  return undefined;
}
