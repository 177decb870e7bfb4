import { AsyncResource } from 'node:async_hooks';

const outside = new AsyncResource('mageflow');

/**
 * Starts something outside every asynchronous context. Mageflow creates its timers, sockets and subscriptions here: created
 * in a task's body, they would keep its context alive and do the work of other tasks in it.
 */
export function runOutsideContext<T>(start: () => T): T {
  return outside.runInAsyncScope(start);
}
