import { setTimeout as sleep } from 'node:timers/promises';
import type { Mageflow } from 'mageflow';
import { unlessAborted } from './unless-aborted';

const stoppingMs = 10_000;

type Workflows = NonNullable<NonNullable<Parameters<Mageflow['worker']>[1]>['workflows']>;

/** Calls `use` with a worker running in this process. `signal` ends the waiting; what runs is left to finish. */
export async function withWorker<T>(
  mage: Mageflow,
  name: string,
  workflows: Workflows,
  signal: AbortSignal,
  use: () => Promise<T>,
): Promise<T> {
  const worker = await mage.worker(name, {
    workflows,
    slots: 50, // more than any group here may use: the limit is the group's, not the worker's
    handleKill: false, // a signal is this program's to handle
  });
  const working = worker.start();
  const used = worker.waitUntilReady(30_000).then(use);
  const workerEnded = working.then(() => Promise.reject<T>(new Error('The worker ended before the work was done.')));
  try {
    return await unlessAborted(Promise.race([used, workerEnded]), signal);
  } finally {
    // Bodies that can't end, because Redis or the engine is gone, must not keep the program.
    await Promise.race([worker.stop(), sleep(stoppingMs, undefined, { ref: false })]);
  }
}
