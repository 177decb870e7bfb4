import { AsyncLocalStorage } from 'node:async_hooks';
import type { Failure } from '../errors';
import { processState } from '../process-state';

/** What `mageContext()` tells a body about the signature that it runs for. */
export interface MageContext {
  signatureId: string;
  /** The swarm that it is an item of, or whose callback it is. */
  swarmId?: string;
  chainId?: string;
  rootId?: string;
  /** The item's place in its swarm. */
  index?: number;
  /** In a success callback of a swarm whose items partly failed: what failed (the first 100). */
  failures?: Failure[];
  /** In a callback of a swarm: the outputs one after another, also of lists above `maxResultBytes`. */
  results?: AsyncIterable<unknown>;
}

/** The execution that code runs in: which instance runs the body, and what for. */
export interface Execution {
  instance: unknown;
  context: MageContext | undefined;
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
 * What the running body belongs to, or undefined outside mageflow: in plain runs and outside task bodies.
 * @example
 * fn: async (input) => { const { index } = mageContext() ?? {}; ... }
 */
export function mageContext(): MageContext | undefined {
  return currentExecution()?.context;
}
