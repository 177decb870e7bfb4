import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { withTimeout } from './timeout';

/** The effects of an answer begin within this time, in ms. */
const momentMs = 20;

/**
 * Waits until `ended` has resolved and nothing is in progress any more.
 * @param limitMs - the longest wait, in ms
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

/** Checks twice, because a process that is idle at one moment may be between two calls. */
async function isIdle(isBusy: () => boolean): Promise<boolean> {
  await turn();
  if (isBusy()) return false;
  await pause(momentMs);
  return !isBusy();
}
