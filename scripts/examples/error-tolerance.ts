import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Progress } from 'mageflow';
import { declareTasks, processBatch, readPayments, type Alert, type Report } from '../../examples/error-tolerance';
import { withWorker } from '../with-worker';
import { dataFolder, differences, euros, Mailbox, table, type Example } from './example';

const file = path.join(dataFolder, 'payments/2026-11.csv');
/** The first is above what the file has of bad payments, the second below. */
const limits = { tolerant: 50, strict: 10 };
const maxConcurrency = 20;

interface Ended {
  report?: Report;
  alert?: Alert;
  progress: Progress;
}
export interface ToleranceResult {
  tolerant: Ended;
  strict: Ended;
}

/** The remainder by 97, digit by digit, of an account number that has no letters beside its country. */
function remainder(iban: string): number {
  const letters = [...iban.slice(0, 2)].map((letter) => letter.charCodeAt(0) - 'A'.charCodeAt(0) + 10);
  const digits = `${iban.slice(4)}${letters.join('')}${iban.slice(2, 4)}`;
  return [...digits].reduce((rest, digit) => (rest * 10 + Number(digit)) % 97, 0);
}

export function expectedReport(): Report {
  const centsByCountry: Record<string, number> = {};
  const refused: string[] = [];
  let payments = 0;
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n').slice(1)) {
    const [id = '', iban = '', amount = ''] = line.split(',');
    if (remainder(iban) === 1) {
      const country = iban.slice(0, 2);
      centsByCountry[country] = (centsByCountry[country] ?? 0) + Math.round(Number(amount) * 100);
      payments += 1;
    } else {
      refused.push(`payment ${id}`);
    }
  }
  return { payments, centsByCountry, refused: refused.sort() };
}

function strictProblems({ report, alert, progress }: Ended, expected: Report): string[] {
  const { total, succeeded, failed, cancelled, status } = progress;
  const problems: string[] = [];
  const must = (holds: boolean, what: string): void => {
    if (!holds) problems.push(`strict batch: ${what}: ${JSON.stringify({ progress, alert, report }).slice(0, 600)}.`);
  };
  must(status === 'failed' && report === undefined, 'expected the failure limit to stop it');
  must(succeeded + failed + cancelled === total, 'expected all payments to have ended');
  // What runs when the limit is reached goes on to its end, and may fail too.
  must(failed >= limits.strict && failed < limits.strict + maxConcurrency, 'expected as many failures as the limit');
  must(cancelled > 0, 'expected payments that were never started');
  must(
    alert?.failureCount === failed && alert.failures.length === failed,
    'expected the alert to contain all that failed',
  );
  const bad = alert?.failures.filter(({ name }) => !expected.refused.includes(name)) ?? [];
  must(bad.length === 0, 'expected bad payments alone in the alert');
  return problems;
}

export const errorTolerance: Example<ToleranceResult> = {
  name: 'error-tolerance',
  shows: '1,000 payments, some of them bad: a batch that puts up with them, and one that a failure limit stops',
  async run(mage, signal) {
    const mailbox = new Mailbox<{ report: Report } | { alert: Alert }>();
    const tasks = declareTasks(mage, mailbox.put);
    const payments = await readPayments(file);
    const batch = async (limit: number): Promise<Ended> => {
      const swarm = await processBatch(mage, tasks, payments, limit);
      const mail = await mailbox.next();
      return { ...mail, progress: await swarm.progress() };
    };
    return withWorker(mage, 'error-tolerance', Object.values(tasks), signal, async () => {
      const tolerant = await batch(limits.tolerant);
      return { tolerant, strict: await batch(limits.strict) };
    });
  },
  describe({ tolerant, strict }) {
    const { report } = tolerant;
    const countries = Object.entries(report?.centsByCountry ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const first = strict.alert?.failures[0];
    return [
      `Stopping at ${limits.tolerant} failures: ${report?.payments} payments went through, ${report?.refused.length} were refused. The completion report:`,
      table(
        ['country', 'paid'],
        countries.map(([country, cents]) => [country, euros(cents)]),
      ),
      `Stopping at ${limits.strict} failures: ${strict.progress.succeeded} payments went through before the limit was reached, ${strict.progress.cancelled} were never started.`,
      `The failure alert tells of ${strict.alert?.failureCount} failures, the first of them ${first?.name}: ${first?.message}`,
    ].join('\n');
  },
  problems({ tolerant, strict }) {
    const expected = expectedReport();
    const counts = { succeeded: expected.payments, failed: expected.refused.length, cancelled: 0, status: 'succeeded' };
    // Failures come in the order in which they happened.
    const refused = tolerant.report?.refused.toSorted();
    return [
      ...differences({ ...tolerant.report, refused }, expected),
      ...differences(tolerant.progress, { total: 1_000, ...counts }),
      ...strictProblems(strict, expected),
    ];
  },
};
