import type { EngineClient } from '../hatchet/client';
import type { Remover } from '../orchestrator/remover';
import type { Publisher } from '../orchestrator/publisher';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import { hasEffects, type Effects } from '../store/replies';
import type { SignatureIndex } from '../store/signature-index';
import { currentExecution } from '../worker/context';
import type { InputSchema } from '../worker/parsing';
import type { RootCapture } from '../worker/roots/root-capture';
import type { RunIds } from './run-ids';
import type { Turns } from '../utils/turns';
import type { SignatureStatus, Swarm, TaskLike } from './types';
import type { Waiter } from './waiter';

/** The parts of one instance that signatures use. */
export interface Scope {
  readonly store: GroupStore;
  readonly engine: EngineClient;
  readonly reader: GroupReader;
  readonly publisher: Publisher;
  readonly remover: Remover;
  readonly waiter: Waiter;
  readonly locations: SignatureIndex;
  readonly runIds: RunIds;
  readonly turns: Turns;
  /** Opens a swarm that exists, or will exist. @param before - the status of the entry that creates it */
  readonly openSwarm: (id: string, name: string, before: { status(): Promise<SignatureStatus> }) => Swarm<unknown>;
  /** The root tasks that this instance has declared, by lower-cased name. */
  readonly roots: ReadonlyMap<string, RootDefaults>;
  /** The schemas that it has declared, by the lower-cased name of the task. */
  readonly schemas: ReadonlyMap<string, InputSchema>;
}

/** The callbacks of a root's declaration, for each of its signatures that has none. */
export interface RootDefaults {
  successCallbacks?: readonly TaskLike[] | null | undefined;
  errorCallbacks?: readonly TaskLike[] | null | undefined;
}

/** Returns the root whose body runs the current code, if it captures. */
export function currentRoot({ store }: Scope): RootCapture | undefined {
  const root = currentExecution()?.root;
  return root?.store === store.identity && root.captures() ? root : undefined;
}

/** Returns the root whose body makes a signature. The signature stays that root's, wherever it is run. */
export function rootOfBody({ store }: Scope): RootCapture | undefined {
  const root = currentExecution()?.root;
  return root?.store === store.identity ? root : undefined;
}

/**
 * Returns the root whose child a signature becomes when it is run now. A signature that was made in a body belongs to that
 * body, because in a queue that several bodies share, code runs in the context of the body that came first.
 * @param madeIn - the root whose body made the signature
 */
export function capturingRoot(scope: Scope, madeIn: RootCapture | undefined): RootCapture | undefined {
  const { root, without } = currentExecution() ?? {};
  // A later attempt of a body may use the signatures that an earlier one left in its process.
  if (!madeIn || (madeIn.isOver && root?.groupId === madeIn.groupId)) return currentRoot(scope);
  return without?.groupId !== madeIn.groupId && madeIn.captures() ? madeIn : undefined;
}

/**
 * Publishes the items that a root's body was granted. The work is durable in Redis, so the body continues. Only the end of
 * the root waits for the publication.
 */
export function publishBeside(root: RootCapture, scope: Scope, groupId: string, effects: Effects): void {
  root.track(publishFor(scope, groupId, effects));
}

/**
 * Publishes the items that a user's call was granted. The work is durable in Redis already. When the engine is away, the
 * call waits no longer for it than for Redis.
 */
export async function publishFor({ publisher, store }: Scope, groupId: string, effects: Effects): Promise<void> {
  if (!hasEffects(effects)) return;
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, store.settings.commandTimeoutMs);
  });
  try {
    await Promise.race([publisher.publish(groupId, effects), enough]);
  } finally {
    clearTimeout(timer);
  }
}
