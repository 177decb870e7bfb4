import { problemsOf } from '../../examples/parallel-files/check';
import { runBatch, type Outcome } from '../../examples/parallel-files/run-batch';
import { Fixture } from '../helpers/fixture';

describe('the demo', () => {
  let fixture: Fixture;
  beforeEach(() => {
    fixture = new Fixture();
  });
  afterEach(() => fixture.close());

  const limits = (outcome: Outcome): void => {
    expect(outcome.highestConcurrency).toBeGreaterThan(1);
    expect(outcome.highestConcurrency).toBeLessThanOrEqual(5);
  };

  test('sums up all files, those too that were added while it ran', async () => {
    const events: string[] = [];
    const outcome = await runBatch(fixture.mage, {
      onProgress: (_, event) => {
        if (event) events.push(event);
      },
    });
    expect(problemsOf(outcome, false)).toEqual([]);
    limits(outcome);
    expect(events).toEqual(['started with 12 files', 'added 12 files while it runs, and closed it']);
    expect(outcome.progress).toMatchObject({ total: 24, succeeded: 24, failed: 0, cancelled: 0, closed: true });
    expect(outcome.consolidated?.files).toBe(24);
    const shops = Object.values(outcome.consolidated?.totals ?? {});
    expect(shops).toHaveLength(6);
    const sum = (field: 'orders' | 'cents' | 'rejected') => shops.reduce((total, shop) => total + shop[field], 0);
    // Of the committed files; the script that makes them has a fixed seed.
    expect({ orders: sum('orders'), cents: sum('cents'), rejected: sum('rejected') }).toEqual({
      orders: 4_546,
      cents: 48_254_261,
      rejected: 111,
    });
    expect(outcome.failure).toBeUndefined();
  });

  test('stops at the third file that cannot be read', async () => {
    const outcome = await runBatch(fixture.mage, { fail: true });
    expect(problemsOf(outcome, true)).toEqual([]);
    limits(outcome);
    const { total, succeeded, failed, cancelled, status } = outcome.progress;
    expect({ total, failed, status }).toEqual({ total: 27, failed: 3, status: 'failed' });
    expect(cancelled).toBeGreaterThan(0);
    expect(succeeded + failed + cancelled).toBe(total);
    expect(outcome.failure?.failureCount).toBe(3);
    expect(outcome.failure?.failures.map(({ message }) => message)).toEqual(
      Array(3).fill(expect.stringContaining('expected the header "id,shop,date,product,quantity,unit_price"')),
    );
    expect(outcome.consolidated).toBeUndefined();
  });

  test('gives up when it is aborted', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const batch = runBatch(fixture.mage, { signal: stop.signal, onStart: () => stop.abort(reason) });
    await expect(batch).rejects.toBe(reason);
  });
});
