import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { withTimeout } from './timeout';

/** What follows from an answer is begun within this time, in ms. */
const momentMs = 20;

/**
 * Waits until nothing is under way any more, and what was to end has ended.
 * @param limitMs - for how long at most
 */
export async function untilIdle(isBusy: () => boolean, ended: Promise<unknown>, limitMs: number): Promise<void> {
  let over = false;
  const quiet = async () => {
    await ended;
    while (!over && !(await isIdle(isBusy))) await pause(momentMs);
  };
  await withTimeout('what is under way', limitMs, quiet()).catch(() => undefined);
  over = true;
}

/** What is not busy at one moment may be between two calls. */
async function isIdle(isBusy: () => boolean): Promise<boolean> {
  await turn();
  if (isBusy()) return false;
  await pause(momentMs);
  return !isBusy();
}
