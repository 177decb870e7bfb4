import { recentEndsOf } from '../../src/api/recent-ends';
import { emptySnapshot, type GroupReader, type RecentEnds, type Snapshot } from '../../src/store/group-reader';

/** A reader whose log of ends says what the test sets. */
class Log {
  time = 0;
  reads = 0;
  answer: RecentEnds | Error = { items: 5, ms: 20_000 };

  readonly reader = {
    clock: { elapsed: () => this.time },
    recentEnds: () => {
      this.reads += 1;
      return this.answer instanceof Error ? Promise.reject(this.answer) : Promise.resolve(this.answer);
    },
  } as unknown as GroupReader;

  of(parts: Partial<Snapshot>): Promise<RecentEnds | undefined> {
    const what = { kind: 'swarm', name: 'n', status: 'running', closed: true, total: 100, cancelled: 0 } as const;
    return recentEndsOf(this.reader, 'id', { ...emptySnapshot(what), startedAt: 1, ...parts });
  }
}

test('what ends after a look at the log is added to it, with the time that has passed', async () => {
  const log = new Log();
  expect(await log.of({ succeeded: 5 })).toEqual({ items: 5, ms: 20_000 });
  log.time = 4_000;
  expect(await log.of({ succeeded: 6, failed: 2 })).toEqual({ items: 8, ms: 24_000 });
  expect(log.reads).toBe(1);
});

test('the log is looked at again after 10 s, after a retry, at the end, and when a look has failed', async () => {
  const log = new Log();
  await log.of({ succeeded: 5 });
  log.time = 10_000;
  await log.of({ succeeded: 5 });
  expect(log.reads).toBe(2);
  await log.of({ succeeded: 5, startedAt: 2 });
  expect(log.reads).toBe(3);
  await log.of({ succeeded: 4, startedAt: 2 });
  expect(log.reads).toBe(4);
  log.answer = new Error('connection lost');
  const over = { succeeded: 5, status: 'succeeded', endedAt: 9 } as const;
  await expect(log.of(over)).rejects.toThrow('connection lost');
  log.answer = { items: 9, ms: 60_000 };
  expect(await log.of(over)).toEqual({ items: 9, ms: 60_000 });
  expect(log.reads).toBe(6);
});

test('the rate of a group that has ended stays as it is', async () => {
  const log = new Log();
  const over = { succeeded: 5, status: 'succeeded', endedAt: 9 } as const;
  await log.of(over);
  log.time = 5_000;
  expect(await log.of(over)).toEqual({ items: 5, ms: 20_000 });
});

test('nothing is read of a group that was not started, or of which nothing has ended', async () => {
  const log = new Log();
  expect(await log.of({ startedAt: undefined, cancelled: 3 })).toBeUndefined();
  expect(await log.of({})).toBeUndefined();
  expect(log.reads).toBe(0);
});
