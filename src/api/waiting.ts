import { WaitTimeoutError } from '../config/errors';
import type { WaitOptions } from './types';

/** How often what is waited for is read, whatever is heard of it. */
export const readAgainMs = 1_000;
/** For how long the ends of a group's items are published once somebody has asked for it. */
export const publishEndsMs = 60_000;
/** For how long Redis may be away while something is waited for, before that is an error. */
export const patienceMs = 60_000;

export function notInTime(timeoutMs: number | undefined): WaitTimeoutError {
  return new WaitTimeoutError(`Not finished within ${timeoutMs} ms; the work goes on.`);
}

/** The same waiting, for what follows a first part of it: with the time that is left by then. */
export function afterThat(options: WaitOptions = {}): () => WaitOptions {
  const began = performance.now();
  const { timeoutMs, signal } = options;
  return () => ({
    signal,
    timeoutMs: timeoutMs === undefined ? undefined : Math.max(1, timeoutMs - (performance.now() - began)),
  });
}
