import { AsyncResource } from 'node:async_hooks';

const outside = new AsyncResource('mageflow');

/**
 * Starts something outside every asynchronous context. Timers, sockets and subscriptions of our own are made here:
 * made in a task's body they would keep its context alive, and do other tasks' work in it.
 */
export function runOutsideContext<T>(start: () => T): T {
  return outside.runInAsyncScope(start);
}
