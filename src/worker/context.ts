import { AsyncLocalStorage } from 'node:async_hooks';
import type { Claim } from '../hatchet/metadata';
import { ConfigurationError, describe, type Failure } from '../config/errors';
import type { RootCapture } from './roots/root-capture';
import { processState } from '../utils/process-state';

/** The context of a running body: its signature and the groups around it. */
export interface MageContext {
  signatureId: string;
  /** The id of the nearest swarm around it, at any depth. For a callback of a swarm, that swarm. */
  swarmId?: string;
  /** The id of the nearest chain around it, at any depth. */
  chainId?: string;
  /** The id of the nearest root task around it, at any depth. In a root's own body, the root itself. */
  rootId?: string;
  /**
   * The message with which its group was started. For a single task, its own message. In a callback, the message of the
   * task, chain, swarm or root to which the callback belongs. Bound data and the message of the item are not merged into it.
   * Undefined in a group that was started only through its items, and for the children of a root.
   */
  message?: Record<string, unknown>;
  /** Its index in its group. */
  index?: number;
  /** Its tags, and those of all groups around it. Absent when there are none. */
  tags?: string[];
  /**
   * The number of times that the body has begun, this time included. Earlier runs of the item in the same round count;
   * attempts that backed off do not.
   */
  attempt: number;
  /** In a callback of a swarm or chain, and in a success callback of a root, of which items failed: how many. */
  failureCount?: number;
  /**
   * In a callback of a swarm or chain, and in a success callback of a root, of which items failed: those items, the first
   * 100.
   */
  failures?: Failure[];
  /**
   * In a callback that receives a list of outputs: the same outputs one by one. Also works for lists above `maxResultBytes`.
   */
  results?: AsyncIterable<unknown>;
}

/** The execution in which code runs: the instance that runs the body, and its context. */
export interface Execution {
  instance: unknown;
  context: MageContext | undefined;
  /** Set in the body of a root: the runs that the body starts are captured. */
  root?: RootCapture | undefined;
  /** The identity of that instance's store. */
  store: string;
  /** The run, identified by the SDK's context, and its claim. */
  run: { ctx: unknown; claim: Claim | undefined };
  /** Set within {@link withoutRootSwarm}: the root whose body called it. */
  without?: RootCapture | undefined;
}

function storage(): AsyncLocalStorage<Execution> {
  const state = processState();
  state.execution ??= new AsyncLocalStorage<unknown>();
  return state.execution as AsyncLocalStorage<Execution>;
}

/** Runs a body so that all code that it calls and awaits can read its execution. */
export function inExecution<T>(execution: Execution, body: () => T): T {
  return storage().run(execution, body);
}

export function currentExecution(): Execution | undefined {
  return storage().getStore();
}

/**
 * Runs a function outside the capture of the root task whose body calls it. The runs that it starts are independent: no
 * limit of the root applies to them, and the root does not wait for them. Calls can be nested. Other branches of the body
 * are captured as before.
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
 * Returns the context of the running body. Undefined in plain runs and outside task bodies.
 * @example
 * fn: async (input) => { const { index } = mageContext() ?? {}; ... }
 */
export function mageContext(): MageContext | undefined {
  return currentExecution()?.context;
}
