import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  timeoutMs: number;
  everyMs?: number;
  signal?: AbortSignal | undefined;
}

/** Asks until the answer is neither false nor undefined; returns undefined when the time is up. */
export async function poll<T>(
  ask: () => T | Promise<T>,
  { timeoutMs, everyMs = 25, signal }: WaitOptions,
): Promise<Exclude<T, false | undefined> | undefined> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
    if (Date.now() >= deadline) return undefined;
    await sleep(everyMs);
  }
}
