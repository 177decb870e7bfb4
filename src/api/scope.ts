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

/** The parts of one instance that signatures work with. */
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
  /** A swarm that is there already, or will be: `before` says what becomes of whoever makes it. */
  readonly openSwarm: (id: string, name: string, before: { status(): Promise<SignatureStatus> }) => Swarm<unknown>;
  /** The root tasks that this instance knows, by lower-cased name. */
  readonly roots: ReadonlyMap<string, RootDefaults>;
  /** The schemas that it knows, by lower-cased name of the task. */
  readonly schemas: ReadonlyMap<string, InputSchema>;
}

/** What a root's declaration gives to each signature of it. */
export interface RootDefaults {
  successCallbacks?: readonly TaskLike[] | null | undefined;
  errorCallbacks?: readonly TaskLike[] | null | undefined;
}

/** The root in whose body the current code runs, when what it publishes is captured. */
export function currentRoot({ store }: Scope): RootCapture | undefined {
  const root = currentExecution()?.root;
  return root?.store === store.identity && root.captures() ? root : undefined;
}

/** The root in whose body something is made, which is its own from then on, wherever it is run. */
export function rootOfBody({ store }: Scope): RootCapture | undefined {
  const root = currentExecution()?.root;
  return root?.store === store.identity ? root : undefined;
}

/**
 * The root whose child something becomes that is run now. Of what was made in a body it is that body's: in a queue that several
 * bodies share, code runs in the context of whichever of them came first.
 * @param madeIn - the root in whose body it was made
 */
export function capturingRoot(scope: Scope, madeIn: RootCapture | undefined): RootCapture | undefined {
  const { root, without } = currentExecution() ?? {};
  // The next attempt of a body may go on with what it finds in its process.
  if (!madeIn || (madeIn.isOver && root?.groupId === madeIn.groupId)) return currentRoot(scope);
  return without?.groupId !== madeIn.groupId && madeIn.captures() ? madeIn : undefined;
}

/** Publishes what a root's body was granted. The work is durable in Redis, so that the body goes on; its end waits. */
export function publishBeside(root: RootCapture, scope: Scope, groupId: string, effects: Effects): void {
  root.track(publishFor(scope, groupId, effects));
}

/**
 * Publishes what a user's call was granted. The work is durable in Redis already: when the engine is away, the call
 * doesn't wait for it longer than for Redis.
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
