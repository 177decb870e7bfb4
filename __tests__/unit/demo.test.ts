import { PassThrough } from 'node:stream';
import type { Progress } from 'mageflow';
import { problemsOf } from '../../examples/parallel-files/check';
import { summarise } from '../../examples/parallel-files/orders';
import { plainTotals } from '../../examples/parallel-files/plain-totals';
import type { Outcome } from '../../examples/parallel-files/run-batch';
import { readArgs } from '../../scripts/demo/args';
import { describeOutcome } from '../../scripts/demo/describe-outcome';
import { ProgressLine } from '../../scripts/demo/progress-line';

const header = 'id,shop,date,product,quantity,unit_price';
const file = 'orders-2026-w01.csv';

function progress(given: Partial<Progress>): Progress {
  const callbacks = { pending: 0, succeeded: 0, failed: 0 };
  const times = {
    createdAt: undefined,
    startedAt: undefined,
    endedAt: undefined,
    rateLimited: false,
    nextStartAt: undefined,
    perSecond: 0,
    etaMs: undefined,
  };
  const none = { waiting: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, callbacks, ...times };
  return { total: 8, ...none, closed: false, status: 'running', ...given };
}

function rightOutcome(): Outcome {
  const totals = plainTotals([file]);
  const times = { startedAt: new Date(0), endedAt: new Date(1), attempts: 1 };
  return {
    swarmId: 'x',
    progress: progress({ total: 1, succeeded: 1, status: 'succeeded' }),
    items: [{ index: 0, id: 'x~0', name: file, status: 'succeeded', output: { file, totals }, ...times }],
    highestConcurrency: 1,
    consolidated: { files: 1, totals: plainTotals([file]) },
  };
}

describe('a file of orders', () => {
  test('is summed up by shop, in cents', () => {
    const text = `${header}\n1,Oslo,2026-01-05,"Tea, green",3,0.10\n2,Oslo,2026-01-05,Cup,1,12.50\n3,Turin,2026-01-05,Cup,2,1.00\n`;
    expect(summarise('a.csv', text)).toEqual({
      Oslo: { orders: 2, cents: 1_280, rejected: 0 },
      Turin: { orders: 1, cents: 200, rejected: 0 },
    });
  });

  test.each([
    ['a quantity that is no number', '1,Oslo,2026-01-05,Cup,some,1.00'],
    ['no quantity', '1,Oslo,2026-01-05,Cup,,1.00'],
    ['a quantity of zero', '1,Oslo,2026-01-05,Cup,0,1.00'],
    ['a missing column', '1,Oslo,2026-01-05,Cup,3'],
    ['a negative price', '1,Oslo,2026-01-05,Cup,3,-1.00'],
    ['a day that does not exist', '1,Oslo,2026-02-30,Cup,3,1.00'],
  ])('counts a row with %s as rejected', (_, row) => {
    expect(summarise('a.csv', `${header}\n${row}\n`)).toEqual({ Oslo: { orders: 0, cents: 0, rejected: 1 } });
  });

  test.each([['id;shop'], ['order,store'], ['<html>'], ['']])('is refused with the header "%s"', (wrong) => {
    expect(() => summarise('a.csv', `${wrong}\n1,Oslo,2026-01-05,Cup,3,1.00\n`)).toThrow(
      /a\.csv: expected the header "id,shop/,
    );
  });

  test('is refused when there is nothing in it', () => {
    expect(() => summarise('a.csv', '')).toThrow(/a\.csv: expected the header .*, got ""/);
  });
});

describe('the check of an outcome', () => {
  test('finds nothing in a right one', () => {
    expect(problemsOf(rightOutcome(), false)).toEqual([]);
  });

  test('finds a wrong total', () => {
    const outcome = rightOutcome();
    outcome.consolidated!.totals['Oslo']!.cents += 1;
    expect(problemsOf(outcome, false).join()).toMatch(/^Consolidated totals: expected /);
  });

  test('finds too many bodies at once, a missing callback and a missing failure', () => {
    expect(problemsOf({ ...rightOutcome(), highestConcurrency: 6 }, false).join()).toMatch(/at most 5, got 6/);
    const { consolidated: _, ...silent } = rightOutcome();
    expect(problemsOf(silent, false).join()).toMatch(/Consolidated totals/);
    expect(problemsOf(rightOutcome(), true).join()).toMatch(/expected "failed", got "succeeded"/);
  });
});

describe('the report', () => {
  test('shows each shop and the sum of all', () => {
    const outcome = rightOutcome();
    outcome.consolidated = {
      files: 2,
      totals: {
        Turin: { orders: 2, cents: 123_456, rejected: 0 },
        Oslo: { orders: 1, cents: 1, rejected: 3 },
      },
    };
    const text = describeOutcome(outcome);
    expect(text).toMatch(/Oslo +│ +1 │ +0\.01 │ +3 │/);
    expect(text).toMatch(/Turin +│ +2 │ +1,234\.56 │ +0 │/);
    expect(text).toMatch(/in total +│ +3 │ +1,234\.57 │ +3 │/);
    expect(text.indexOf('Oslo')).toBeLessThan(text.indexOf('Turin'));
  });
});

describe('the arguments', () => {
  test('are known', () => {
    expect(readArgs(['--fail', '--keep'])).toEqual({ fail: true, keep: true, help: false });
    expect(readArgs(['-h']).help).toBe(true);
  });

  test('are refused with the usage when they are not', () => {
    expect(() => readArgs(['--fial'])).toThrow(/'--fial'[^]*Usage: npm run demo/);
    expect(() => readArgs(['more'])).toThrow(/Usage/);
  });
});

describe('the progress line', () => {
  function written(isTTY: boolean, use: (line: ProgressLine) => void): string {
    const out = Object.assign(new PassThrough(), { isTTY, columns: 80 });
    use(new ProgressLine(out as unknown as NodeJS.WriteStream));
    return String(out.read() ?? '');
  }
  const eight = (line: ProgressLine): void => {
    for (let done = 0; done <= 8; done++) line.update(progress({ succeeded: done }));
    line.end();
  };

  test('is one line on a terminal', () => {
    const text = written(true, eight);
    expect(text.split('\n')).toHaveLength(2);
    expect(text.match(/done/g)).toHaveLength(9);
    expect(text).toContain('[####################] 8/8 done');
  });

  test('is a line for each quarter elsewhere', () => {
    const text = written(false, eight);
    expect(text.match(/\d\/8 done/g)).toEqual(['0/8 done', '2/8 done', '4/8 done', '6/8 done', '8/8 done']);
    expect(text).not.toContain('\u001b');
  });

  test('never wraps at 80 columns', () => {
    const most = progress({ total: 27, succeeded: 10, failed: 3, cancelled: 10, running: 5, queued: 14 });
    const text = written(false, (line) => line.update(most));
    expect(text.length).toBeLessThanOrEqual(80);
  });
});
