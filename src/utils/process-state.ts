import type { AsyncLocalStorage } from 'node:async_hooks';

/**
 * State that two copies of the package in one process (ESM and CommonJS) must share: everything that isn't an object's
 * own state. It is loosely typed on purpose, because the copy that reads may be another one than the copy that wrote.
 */
export interface ProcessState {
  /** Open instances in the order of their creation; the last one is the default. */
  readonly instances: unknown[];
  /** mageflow's data about a declaration: its schema, and the instances that wrap it. */
  readonly declarations: WeakMap<object, unknown>;
  /** The execution in which the current code runs. */
  execution: AsyncLocalStorage<unknown> | undefined;
  /** The parts of instances. */
  readonly openings: WeakMap<object, unknown>;
  /** The clocks of instances on certain clients. */
  readonly clocks: WeakMap<object, unknown>;
  /** Set by a testing kit: returns the client, the Redis and the options of each new instance, in place of the given ones. */
  standIn?: (() => StandIn) | undefined;
  /** The testing kit of a test file. */
  kit?: unknown;
}

/** What an instance is made with. */
export interface StandIn {
  hatchet: unknown;
  redis: unknown;
  options: object;
}

const key = Symbol.for('mageflow/1');

/** The state that all copies of the package in this process share. */
export function processState(): ProcessState {
  const holder = globalThis as unknown as Record<symbol, ProcessState | undefined>;
  return (holder[key] ??= {
    instances: [],
    declarations: new WeakMap(),
    execution: undefined,
    clocks: new WeakMap(),
    openings: new WeakMap(),
  });
}
