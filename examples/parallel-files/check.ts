import { isDeepStrictEqual } from 'node:util';
import { maxConcurrency, stopAfterNFailures, type Outcome } from './run-batch';
import { plainTotals } from './plain-totals';

/** What is wrong with a batch's outcome, in sentences; an empty list when all is right. */
export function problemsOf(outcome: Outcome, fail: boolean): string[] {
  const { progress, items, highestConcurrency } = outcome;
  const problems: string[] = [];
  const expect = (what: string, got: unknown, wanted: unknown): void => {
    if (!isDeepStrictEqual(got, wanted))
      problems.push(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}.`);
  };
  const count = (status: string): number => items.filter((item) => item.status === status).length;

  if (highestConcurrency > maxConcurrency)
    problems.push(`Bodies at once: expected at most ${maxConcurrency}, got ${highestConcurrency}.`);
  expect('Status of the swarm', progress.status, fail ? 'failed' : 'succeeded');
  expect('Files in the results', items.length, progress.total);
  expect('Failed files', [count('failed'), progress.failed], fail ? [stopAfterNFailures, stopAfterNFailures] : [0, 0]);
  expect('Cancelled files', count('cancelled'), progress.cancelled);
  if (fail === (progress.cancelled === 0))
    problems.push(`Cancelled files: expected ${fail ? 'some' : 'none'}, got ${progress.cancelled}.`);
  for (const { name, status, output } of items)
    if (status === 'succeeded') expect(`Totals of ${name}`, output?.totals, plainTotals([name]));

  if (fail) {
    const failed = items.filter(({ status }) => status === 'failed').map(({ name }) => name);
    expect('Files in the failure report', outcome.failure?.failures.map(({ name }) => name).sort(), failed.sort());
  } else {
    expect('Consolidated totals', outcome.consolidated?.totals, plainTotals(items.map(({ name }) => name)));
  }
  return problems;
}
