import { NotFoundError, describe } from '../errors';
import { parseFiringId, parseItemId } from '../store/ids';
import type { Location } from '../store/locations';
import { callbacksOf, unpackCallback, unpackSpec, type Spec } from '../store/spec';
import type { Scope } from './scope';
import { TaskSignature } from './task-signature';
import { TaskSwarm } from './task-swarm';
import type { AnySignature } from './types';

/** Gives back what an id names, from what the store holds. @throws NotFoundError */
export async function load(scope: Scope, id: string): Promise<AnySignature> {
  const found =
    typeof id === 'string' && id !== ''
      ? ((await loadItem(scope, id)) ?? (await loadGroup(scope, id)) ?? (await loadLocated(scope, id)))
      : undefined;
  if (!found) throw unknownId(id);
  return found;
}

export function unknownId(id: unknown): NotFoundError {
  return new NotFoundError(
    `Nothing is known of ${describe(id)}. A signature exists once it was run, attached as a callback or put into a group, until its retention is over.`,
  );
}

async function loadItem(scope: Scope, id: string): Promise<AnySignature | undefined> {
  const firing = parseFiringId(id);
  if (firing) {
    const packed = await scope.reader.callback(firing.groupId, firing.entry);
    return packed === undefined ? undefined : new TaskSignature(scope, unpackCallback(packed).spec, id);
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
  const fired = await scope.reader.latestFiring(location.groupId, id);
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
  const { group, id = '', task } = unpackSpec(item.spec);
  if (group === 'made swarm') return new TaskSwarm(scope, id, task);
  // Nothing runs by itself in a group of one.
  const kind = snapshot.kind === 'task' ? 'swarm' : snapshot.kind;
  return TaskSignature.item(scope, { groupId, name: snapshot.name, kind }, index, item.spec);
}

/** A callback that hasn't been fired, in the list that it was attached to, or in the list of one that is in it. */
export async function templateOf(
  scope: Scope,
  { groupId, callbackOf }: Location,
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
