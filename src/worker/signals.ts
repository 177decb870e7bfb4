import { runOutsideContext } from '../utils/outside-context';

/** A worker as far as signals go. */
export interface Stoppable {
  stop(): Promise<unknown>;
  /** Whether the process is to end once it has stopped. */
  exits: boolean;
}

const signals = ['SIGTERM', 'SIGINT'] as const;
const workers = new Set<Stoppable>();
const onSignal = () => void stopAll();

/**
 * Has a signal stop a worker. The SDK ends the process as soon as one worker's bodies have ended; here it lives until all of
 * them have, and what they made room for has been handed on.
 * @returns what lets it go, once it has stopped
 */
export function stopOnSignal(worker: Stoppable): () => void {
  workers.add(worker);
  if (workers.size === 1) runOutsideContext(() => signals.forEach((signal) => process.on(signal, onSignal)));
  return () => {
    // Nothing is left that a signal could stop: it ends the process as it would without mageflow.
    if (workers.delete(worker) && workers.size === 0) signals.forEach((signal) => process.off(signal, onSignal));
  };
}

async function stopAll(): Promise<void> {
  const all = [...workers];
  await Promise.allSettled(all.map((worker) => worker.stop()));
  if (all.some(({ exits }) => exits)) process.exit(0);
}
