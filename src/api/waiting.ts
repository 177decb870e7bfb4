import type { Clock } from '../utils/clock';
import { WaitTimeoutError } from '../config/errors';
import type { WaitOptions } from './types';

/** The longest time between two reads of an awaited state, whatever hints arrive. */
export const readAgainMs = 1_000;
/** How long the ends of a group's items are published after a wait has asked for them. */
export const publishEndsMs = 60_000;
/** How long Redis may be away during a wait before the wait throws. */
export const patienceMs = 60_000;

export function notInTime(timeoutMs: number | undefined): WaitTimeoutError {
  return new WaitTimeoutError(`Not finished within ${timeoutMs} ms; the work continues.`);
}

/** Returns the options of a wait for its second part, with the time that is left by then. */
export function afterThat(clock: Clock, options: WaitOptions = {}): () => WaitOptions {
  const began = clock.elapsed();
  const { timeoutMs, signal } = options;
  return () => ({
    signal,
    timeoutMs: timeoutMs === undefined ? undefined : Math.max(1, timeoutMs - (clock.elapsed() - began)),
  });
}
