import { isDeepStrictEqual } from 'node:util';
import type { Entry } from './diary';
import type { Expected } from './scenarios/scenario';

export interface Counted {
  bodies: number;
  /** Bodies that ran once more than they do when nothing dies. */
  repeated: number;
  callbacks: number;
}

/**
 * Compares what the bodies of a batch wrote down with what has to be.
 * @param killed - the process that was killed; a body that it began may have run once more
 */
export function check(expected: Expected, entries: readonly Entry[], killed: number): { wrong: string[] } & Counted {
  const wrong: string[] = [];
  let repeated = 0;
  const starts = entries.filter(({ event }) => event === 'start');
  for (const { of, runs, status, unguarded } of expected.pieces) {
    const own = starts.filter((one) => one.of === of);
    const hit = own.some(({ pid }) => pid === killed);
    if (own.length > runs + (hit ? 1 : 0) + (unguarded ? 1 : 0))
      wrong.push(`the body of ${of} ran ${own.length} times, ${hit ? '' : 'not '}hit`);
    if (status !== 'cancelled' && own.length < runs) wrong.push(`the body of ${of} ran ${own.length} times`);
    if (own.length > runs) repeated += 1;
  }
  const known = new Set(expected.pieces.map(({ of }) => of));
  for (const { of } of starts) if (!known.has(of)) wrong.push(`the body of ${of} ran`);

  const callbacks = entries.filter(({ event }) => event === 'callback');
  for (const { of, runs = 1, input } of expected.callbacks) {
    const own = callbacks.filter((one) => one.of === of);
    const inRuns = new Set(own.map(({ runId }) => runId)).size;
    const hit = own.some(({ pid }) => pid === killed);
    if (inRuns !== runs) wrong.push(`${of} ran in ${inRuns} runs`);
    if (own.length > runs + (hit ? 1 : 0)) wrong.push(`${of} ran ${own.length} times`);
    for (const got of own)
      if (input && !includes(got.input, input)) wrong.push(`${of} got ${JSON.stringify(got.input)}`);
  }
  const called = new Set(expected.callbacks.map(({ of }) => of));
  for (const { of } of callbacks) if (!called.has(of)) wrong.push(`${of} ran`);

  for (const { of, most } of expected.limits) {
    const atOnce = mostAtOnce(entries.filter((one) => of.test(one.of)));
    // Where nothing died, the limit has been reached: bodies wait for each other, see tasks.ts.
    if (atOnce > most || (killed === nobody && atOnce < most))
      wrong.push(`${atOnce} bodies of ${String(of)} ran at once, expected ${most}`);
  }
  return { wrong, bodies: starts.length, repeated, callbacks: callbacks.length };
}

/** Instead of a process, when none was killed. */
export const nobody = -1;

/** How many were under way at once; what was killed is so until its body has run to its end elsewhere. */
export function mostAtOnce(entries: readonly Entry[]): number {
  const active = new Set<string>();
  let most = 0;
  for (const { event, of } of entries) {
    if (event === 'start') active.add(of);
    if (event === 'end') active.delete(of);
    most = Math.max(most, active.size);
  }
  return most;
}

function includes(got: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return isDeepStrictEqual(got, wanted);
  return Object.entries(wanted).every(([key, value]) =>
    includes((got as Record<string, unknown> | undefined)?.[key], value),
  );
}
