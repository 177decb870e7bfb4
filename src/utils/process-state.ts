import type { AsyncLocalStorage } from 'node:async_hooks';

/**
 * What two copies of the package in one process (ESM beside CommonJS) must share: everything that isn't an object's
 * own state hangs here. Typed loosely on purpose: the copy that reads may be another one than the copy that wrote.
 */
export interface ProcessState {
  /** Open instances in the order in which they were made; the last one is the default. */
  readonly instances: unknown[];
  /** What mageflow knows of a declaration: its schema, and the instances that wrap it. */
  readonly declarations: WeakMap<object, unknown>;
  /** The execution that the current code runs in. */
  execution: AsyncLocalStorage<unknown> | undefined;
}

const key = Symbol.for('mageflow/1');

/** The state that all copies of the package in this process share. */
export function processState(): ProcessState {
  const holder = globalThis as unknown as Record<symbol, ProcessState | undefined>;
  return (holder[key] ??= { instances: [], declarations: new WeakMap(), execution: undefined });
}
