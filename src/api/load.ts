import { ConfigurationError } from '../config/errors';
import { oneOf, refuseUnknown } from '../config/options';
import { itemId, parseInvocationId } from '../store/ids';
import { displayName, type Spec } from '../store/spec';
import { groupOf } from './described';
import { resolve, unknownId, type Resolved } from './resolve';
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
const kinds: readonly Kind[] = ['task', 'root', 'chain', 'swarm'];

/** Loads the signature of an id from the store. @throws NotFoundError, ConfigurationError when it is of another kind */
export async function load(scope: Scope, id: string, options: LoadOptions = {}): Promise<AnySignature> {
  refuseUnknown(options, fields, 'option of load');
  const kind = options.kind === undefined ? undefined : oneOf('kind of load', options.kind, kinds);
  const found = await find(scope, id);
  if (kind !== undefined && found.kind !== kind)
    throw new ConfigurationError(
      `load: expected a ${kind}, but ${id} is the ${found.kind} "${found.name}". Load it with { kind: '${found.kind}' }, or without a kind.`,
    );
  return found;
}

async function find(scope: Scope, id: string): Promise<AnySignature> {
  const resolved = await resolve(scope, id);
  const found = resolved && (await signatureOf(scope, id, resolved));
  if (!found) throw unknownId(id);
  return found;
}

async function signatureOf(scope: Scope, id: string, found: Resolved): Promise<AnySignature | undefined> {
  switch (found.is) {
    case 'group': {
      const { kind, name } = found.snapshot;
      return kind === 'chain'
        ? TaskSignature.standalone(scope, id, { task: name, name, group: 'chain' })
        : new TaskSwarm(scope, id, name);
    }
    case 'item':
      return found.id === undefined ? itemAt(scope, found.groupId, found.index) : standalone(scope, found.id);
    case 'invocation': {
      const swarm = parseInvocationId(id) && swarmOf(scope, found, id);
      return swarm ?? new TaskSignature(scope, found.spec, id);
    }
    case 'callback':
      return new TaskSignature(scope, found.spec, id);
  }
}

async function standalone(scope: Scope, id: string): Promise<AnySignature | undefined> {
  const item = await scope.reader.item(id, '0');
  return item && TaskSignature.standalone(scope, id, item.spec);
}

async function itemAt(scope: Scope, groupId: string, index: number): Promise<AnySignature | undefined> {
  const [snapshot, item] = await Promise.all([
    scope.reader.snapshot(groupId),
    scope.reader.item(groupId, String(index)),
  ]);
  if (!snapshot || !item) return undefined;
  const { spec } = item;
  const { group, id = '', task } = spec;
  if (group === 'swarm-ref') return new TaskSwarm(scope, id, task);
  const swarm = swarmOf(scope, { groupId, entry: String(index), spec }, id || itemId(groupId, index));
  if (swarm) return swarm;
  // Nothing runs by itself in a group of one.
  const kind = snapshot.kind === 'task' ? 'swarm' : snapshot.kind;
  return TaskSignature.item(scope, { groupId, name: snapshot.name, kind }, { index, spec });
}

/** Returns the swarm that is created from an entry; undefined for any other entry. */
function swarmOf(
  scope: Scope,
  at: { groupId: string; entry: string; spec: Spec },
  id: string,
): TaskSwarm<unknown> | undefined {
  const below = at.spec.group === 'swarm' ? groupOf(at) : undefined;
  if (below === undefined) return undefined;
  const name = displayName(at.spec);
  const entry = new StoredEntry(scope, at.groupId, at.entry, { id, name, isGroup: true });
  return new TaskSwarm(scope, below, name, { before: () => placeholderSnapshot({ kind: 'swarm', name }, entry) });
}
