import { pause, type Clock } from './clock';
import { withTimeout, type Limit } from './timeout';

/** The effects of an answer begin within this time, in ms. */
const momentMs = 20;

/**
 * Waits until `ended` has resolved and nothing is in progress any more.
 * @param limit - the longest wait
 */
export async function untilIdle(
  clock: Clock,
  limit: Limit,
  isBusy: () => boolean,
  ended: Promise<unknown>,
): Promise<void> {
  let over = false;
  const quiet = async () => {
    await ended;
    while (!over && !(await isIdle(clock, isBusy))) await pause(clock, momentMs);
  };
  await withTimeout(clock, limit, quiet()).catch(() => undefined);
  over = true;
}

/** Checks twice, because a process that is idle at one moment may be between two calls. */
async function isIdle(clock: Clock, isBusy: () => boolean): Promise<boolean> {
  await new Promise<void>((resolve) => void clock.immediate(resolve));
  if (isBusy()) return false;
  await pause(clock, momentMs);
  return !isBusy();
}
