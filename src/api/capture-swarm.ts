import { CancelledError, NotFoundError } from '../config/errors';
import { packSpec, startWithoutMessage, type Spec } from '../store/spec';
import type { RootCapture } from '../worker/roots/root-capture';
import { commandsFor, type Scope } from './scope';

/** Returns the form in which a group stores an existing swarm. */
export function swarmSpec(id: string, name: string): Spec {
  return { task: name, id, name, group: 'swarm-ref', below: [id] };
}

/**
 * Makes a swarm a child of the root whose body runs it, unless it belongs to another group or was run.
 * @returns whether it is a new child; undefined when it can't be one
 */
export async function captureSwarm(
  scope: Scope,
  root: RootCapture,
  { id, name }: { id: string; name: string },
  message: string,
): Promise<{ added: boolean } | undefined> {
  const { store } = scope;
  const parent = { id: root.groupId, name: root.name };
  const adopted = await store.adopt(id, parent);
  if (adopted.code === 'missing') throw new NotFoundError(`The swarm "${name}" (${id}) is unknown.`);
  if (adopted.code === 'started' && adopted.in !== root.groupId) return undefined;
  const item = { spec: packSpec(swarmSpec(id, name)), key: `\u0001${id}`, message };
  const reply = await commandsFor(scope, root).add(root.groupId, [item], { run: true }, async ({ indexes }) => {
    await store.adopt(id, parent, String(indexes[0] ?? ''));
  });
  if (reply.code !== 'added') {
    await store.disown(id, root.groupId);
    throw rootIsOver(name, root);
  }
  // A stopped root starts nothing more, and its body may wait for this swarm.
  if (reply.status !== 'running') await scope.canceller.cancel(id, 'stop');
  return { added: reply.added > 0 };
}

/** Captures a swarm that this attempt of a root's body made, before the first run of one of its items would start it. */
export async function captureMadeSwarm(scope: Scope, root: RootCapture, swarmId: string): Promise<void> {
  const name = root.made.get(swarmId);
  if (name === undefined) return;
  await (root.captured.get(swarmId) ??
    noteCapture(root, swarmId, captureSwarm(scope, root, { id: swarmId, name }, startWithoutMessage)));
}

/** Stores a capture that is in progress or done. A failed one is removed, so that it can be repeated. */
export function noteCapture<T>(root: RootCapture, swarmId: string, capturing: Promise<T>): Promise<T> {
  root.captured.set(swarmId, capturing);
  capturing.catch(() => root.captured.delete(swarmId));
  return capturing;
}

/** Returns the error for a run in the body of a root that has ended meanwhile, by a cancellation or in a later attempt. */
export function rootIsOver(name: string, root: RootCapture): CancelledError {
  return new CancelledError(`${name} was not run: ${root.name} has ended or is being cancelled.`);
}
