import { WaitTimeoutError } from '../errors';

/** How often what is waited for is read, whatever is heard of it. */
export const readAgainMs = 1_000;
/** For how long the ends of a group's items are published once somebody has asked for it. */
export const publishEndsMs = 60_000;
/** For how long Redis may be away while something is waited for, before that is an error. */
export const patienceMs = 60_000;

export function notInTime(timeoutMs: number | undefined): WaitTimeoutError {
  return new WaitTimeoutError(`Not finished within ${timeoutMs} ms; the work goes on.`);
}
