import { runOutsideContext } from '../utils/outside-context';

/** The part of a worker that signals need. */
export interface Stoppable {
  stop(): Promise<unknown>;
  /** True if the process exits after the worker has stopped. */
  exits: boolean;
}

const signals = ['SIGTERM', 'SIGINT'] as const;
const workers = new Set<Stoppable>();
const onSignal = () => void stopAll();

/**
 * Stops a worker on a signal. The SDK ends the process when the bodies of one worker have ended. Here the process lives
 * until the bodies of all workers have ended and the items that they granted are published.
 * @returns a function that releases the worker after it has stopped
 */
export function stopOnSignal(worker: Stoppable): () => void {
  workers.add(worker);
  if (workers.size === 1) runOutsideContext(() => signals.forEach((signal) => process.on(signal, onSignal)));
  return () => {
    // No worker is left, so a signal ends the process as it would without mageflow.
    if (workers.delete(worker) && workers.size === 0) signals.forEach((signal) => process.off(signal, onSignal));
  };
}

async function stopAll(): Promise<void> {
  const all = [...workers];
  await Promise.allSettled(all.map((worker) => worker.stop()));
  if (all.some(({ exits }) => exits)) process.exit(0);
}
