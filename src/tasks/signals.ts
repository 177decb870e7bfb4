import { detached } from '../detached';

/** A worker as far as signals go. */
export interface Stoppable {
  stop(): Promise<unknown>;
  /** Whether the process is to end once it has stopped. */
  exits: boolean;
}

const signals = ['SIGTERM', 'SIGINT'] as const;
const workers: Stoppable[] = [];

/**
 * Has a signal stop a worker. The SDK ends the process as soon as one worker's bodies have ended; here it lives until all of
 * them have, and what they made room for has been handed on.
 */
export function stopOnSignal(worker: Stoppable): void {
  if (workers.push(worker) > 1) return;
  detached(() => signals.forEach((signal) => process.on(signal, () => void stopAll())));
}

async function stopAll(): Promise<void> {
  await Promise.allSettled(workers.map((worker) => worker.stop()));
  if (workers.some(({ exits }) => exits)) process.exit(0);
}
