import { CancelledError, ConfigurationError, NotFoundError, describe } from '../config/errors';
import { refuseUnknown } from '../config/options';
import { encodeMessage, type Message } from '../messages/json';
import { groupCancelled } from '../orchestrator/group-end';
import { isEnded } from '../store/group-reader';
import { newId } from '../store/ids';
import { messageOf } from '../utils/error-message';
import type { RootCapture } from '../worker/roots/root-capture';
import { makeSwarm, swarmFields, type SwarmOptions } from './make-swarm';
import { currentRoot, type Scope } from './scope';
import type { Swarm, TaskEntry, TaskLike } from './types';
import { readAgainMs } from './waiting';

/** Options of `mage.swarm` with a function that fills the swarm; all optional. */
export interface FillOptions<
  T extends readonly TaskEntry[] = readonly TaskEntry[],
  S extends readonly TaskLike[] = readonly TaskLike[],
> extends SwarmOptions<T, S> {
  /** The message with which the swarm is started. Default: `{}`. */
  message?: object | undefined;
  /** The swarm is open until the function returns. */
  isSwarmClosed?: false | undefined;
}

/** The function that fills a swarm, and the message of the swarm. */
interface Filling<O> {
  message: Message;
  fill: (swarm: Swarm<O>) => unknown;
}

const fields = new Set([...swarmFields, 'message']);

/**
 * Makes a swarm, starts it, has a function fill it, and closes it. Cancels it when the function throws. This process has a
 * lease on the swarm meanwhile: when it dies, the reconciler cancels the swarm.
 *
 * In the body of a root there is no such lease, because a later attempt goes on filling. There the end of the root cancels a
 * swarm that no attempt has filled completely.
 */
export async function fillSwarm<O>(
  scope: Scope,
  options: FillOptions,
  fill: (swarm: Swarm<O>) => unknown,
): Promise<Swarm<O>> {
  refuseUnknown(options, fields, 'option of swarm');
  if (typeof fill !== 'function')
    throw new ConfigurationError(`swarm: expected a function that fills the swarm, got ${describe(fill)}.`);
  const { message = {}, ...rest } = options;
  const isClosed: unknown = options.isSwarmClosed;
  if (isClosed === true)
    throw new ConfigurationError(
      'isSwarmClosed: expected false, because the function fills the swarm, got true. Leave it out: the swarm is closed when the function returns.',
    );
  // The caller may change its message before the swarm is started.
  const copy = JSON.parse(encodeMessage(message ?? {}, 'the message of the swarm')) as Message;
  const root = currentRoot(scope);
  const swarm = await makeSwarm<O>(scope, rest);
  const filling = { message: copy, fill };
  await (root ? fillInBody(scope, root, swarm, filling) : fillAlone(scope, swarm, filling));
  return swarm;
}

async function fillAlone<O>(scope: Scope, swarm: Swarm<O>, filling: Filling<O>): Promise<void> {
  const lease = newId();
  if (!(await leased(scope, swarm, lease))) return;
  const stopExtending = scope.leases.keep(swarm.id, lease);
  try {
    await fillUnder(lease, scope, swarm, filling);
  } catch (error) {
    await cancel(scope, swarm, lease);
    throw error;
  } finally {
    stopExtending();
  }
}

/**
 * Takes the lease on a swarm. While another call fills a swarm of the same key, waits until that has filled it or has died.
 * @returns false when the swarm is closed: it was filled before
 */
async function leased(scope: Scope, swarm: Swarm<unknown>, lease: string): Promise<boolean> {
  for (;;) {
    const { code, ms } = await scope.store.takeLease(swarm.id, lease);
    if (code === 'missing') throw notFound(swarm);
    if (code !== 'waits') return code === 'leased';
    await scope.waiter.rest(Math.min(readAgainMs, ms + 1));
  }
}

async function fillInBody<O>(scope: Scope, root: RootCapture, swarm: Swarm<O>, filling: Filling<O>): Promise<void> {
  if (await leasedInBody(scope, root, swarm)) await fillUnder(root.groupId, scope, swarm, filling);
}

/**
 * Takes the lease on a swarm for the attempts of a root's body, one after the other. When the root is retried, waits until
 * the swarm runs again that its last attempt had not filled completely.
 */
async function leasedInBody(scope: Scope, root: RootCapture, swarm: Swarm<unknown>): Promise<boolean> {
  const { store, reader, waiter } = scope;
  for (;;) {
    const { code } = await store.takeLease(swarm.id, root.groupId, false);
    if (code === 'missing') throw notFound(swarm);
    if (code !== 'closed') return code === 'leased';
    const [snapshot, children] = await Promise.all([reader.snapshot(swarm.id), reader.snapshot(root.groupId)]);
    const isUnfilled = snapshot?.reason === 'unfilled' && isEnded(snapshot.status);
    if (!isUnfilled || children?.status !== 'running') return false;
    await waiter.rest(readAgainMs / 4);
  }
}

async function fillUnder<O>(
  lease: string,
  scope: Scope,
  swarm: Swarm<O>,
  { message, fill }: Filling<O>,
): Promise<void> {
  await swarm.runNoWait(message);
  await fill(swarm);
  const { code, status } = await scope.commands.close(swarm.id, '', { filledBy: lease });
  if (code === 'missing') throw notFound(swarm);
  // A user may cancel it meanwhile. But when the lease was over, this process must not take it for filled.
  if (status !== 'cancelling' && status !== 'cancelled') return;
  const snapshot = await scope.reader.snapshot(swarm.id);
  if (snapshot?.reason === 'unfilled') throw new CancelledError(groupCancelled(snapshot));
}

/** Cancels a swarm after its filling has failed. When this fails too, the lease runs out. */
async function cancel({ canceller, store }: Scope, { id, name }: Swarm<unknown>, lease: string): Promise<void> {
  try {
    await canceller.cancel(id, 'unfilled', lease);
  } catch (error) {
    store.settings.logger.warn(
      `could not cancel the swarm "${name}" (${id}), which was not filled completely; the reconciler will: ${messageOf(error)}`,
    );
  }
}

function notFound({ id, name }: Swarm<unknown>): NotFoundError {
  return new NotFoundError(`The swarm "${name}" (${id}) is not stored any more: it was removed, or has expired.`);
}
