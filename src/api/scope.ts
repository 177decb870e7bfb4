import type { EngineClient } from '../hatchet/client';
import type { Remover } from '../orchestrator/remover';
import type { Canceller } from '../orchestrator/canceller';
import type { Commands } from '../orchestrator/commands';
import type { EffectRunner } from '../orchestrator/effects';
import type { GroupCache } from '../orchestrator/group-cache';
import type { GroupLeases } from '../orchestrator/group-leases';
import type { Retrier } from '../orchestrator/retrier';
import type { Suspender } from '../orchestrator/suspender';
import { currentExecution } from '../worker/context';
import type { InputSchema } from '../worker/parsing';
import type { RootCapture } from '../worker/roots/root-capture';
import type { Reading } from './reading';
import type { Turns } from '../utils/turns';
import type { SignatureStatus, Swarm, TaskLike } from './types';
import type { Waiter } from './waiter';

/** The parts of one instance that signatures use. */
export interface Scope extends Reading {
  readonly engine: EngineClient;
  readonly effects: EffectRunner;
  /** Their effects are carried out within `commandTimeoutMs`. */
  readonly commands: Commands;
  readonly cache: GroupCache;
  readonly leases: GroupLeases;
  readonly canceller: Canceller;
  readonly suspender: Suspender;
  readonly retrier: Retrier;
  readonly remover: Remover;
  readonly waiter: Waiter;
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
 * Returns the commands for a call of a user. Their effects are carried out within `commandTimeoutMs`. In a root's body they
 * are carried out in the background: the body continues, and only the end of the root waits for them.
 */
export function commandsFor(scope: Scope, root: RootCapture | undefined): Commands {
  if (!root) return scope.commands;
  return scope.commands.with((groupId, effects) => {
    root.track(scope.effects.carryOutBriefly(groupId, effects));
    return Promise.resolve();
  });
}
