import { AsyncLocalStorage } from 'node:async_hooks';
import type { Claim } from '../hatchet/metadata';
import { ConfigurationError, describe, type Failure } from '../config/errors';
import type { RootCapture } from './roots/root-capture';
import { processState } from '../utils/process-state';

/** What `mageContext()` tells a body about the signature that it runs for. */
export interface MageContext {
  signatureId: string;
  /** The nearest swarm that it is an item of, at any depth, or whose callback it is. */
  swarmId?: string;
  /** The nearest chain that it is a step of, at any depth. */
  chainId?: string;
  /** The nearest root task that it is a child of, at any depth; in a root's own body, the root itself. */
  rootId?: string;
  /**
   * The message that its group was started with, or it itself when it was run by itself; in a callback what the task, chain,
   * swarm or root was started with whose callback it is. Nothing that is bound, and no item's own message, is merged into it.
   * Undefined in a group that only its items have started, and for the children of a root.
   */
  message?: Record<string, unknown>;
  /** Its place in the group that it is an item of. */
  index?: number;
  /** In a success callback of a swarm, or of a root, whose items partly failed: what failed (the first 100). */
  failures?: Failure[];
  /** Where a list of outputs arrives: they one after another, also of lists above `maxResultBytes`. */
  results?: AsyncIterable<unknown>;
}

/** The execution that code runs in: which instance runs the body, and what for. */
export interface Execution {
  instance: unknown;
  context: MageContext | undefined;
  /** Set in the body of a root: what it publishes is captured. */
  root?: RootCapture | undefined;
  /** The store of that instance, by its identity. */
  store: string;
  /** The run that it executes, by the SDK's context, and the claim under which it does. */
  run: { ctx: unknown; claim: Claim | undefined };
  /** Set within {@link withoutRootSwarm}: the root whose body called it. */
  without?: RootCapture | undefined;
}

function storage(): AsyncLocalStorage<Execution> {
  const state = processState();
  state.execution ??= new AsyncLocalStorage<unknown>();
  return state.execution as AsyncLocalStorage<Execution>;
}

/** Runs a body so that everything it calls and awaits knows of its execution. */
export function inExecution<T>(execution: Execution, body: () => T): T {
  return storage().run(execution, body);
}

export function currentExecution(): Execution | undefined {
  return storage().getStore();
}

/**
 * Runs a function outside the capture of the root task whose body it is called in: what it publishes runs independently,
 * under no limit of the root's, and the root doesn't wait for it. Nests; what the body publishes meanwhile in other
 * branches stays captured.
 * @param fn - sync or async
 * @returns what `fn` returns, or throws what it throws
 * @example
 * await withoutRootSwarm(async () => (await mage.sign(audit)).runNoWait({ at: Date.now() }));
 */
export function withoutRootSwarm<T>(fn: () => T): T {
  if (typeof fn !== 'function')
    throw new ConfigurationError(`withoutRootSwarm: expected a function, got ${describe(fn)}.`);
  const current = currentExecution();
  return current?.root ? storage().run({ ...current, root: undefined, without: current.root }, fn) : fn();
}

/**
 * What the running body belongs to, or undefined outside mageflow: in plain runs and outside task bodies.
 * @example
 * fn: async (input) => { const { index } = mageContext() ?? {}; ... }
 */
export function mageContext(): MageContext | undefined {
  return currentExecution()?.context;
}
