import type { ItemResult, Swarm } from '../../../src';
import { progressOf, statusOf } from '../../helpers/outcomes';
import { openTasks } from '../../helpers/task-set';

const { mage, taskSet, work, retriedWork, callback } = openTasks();

const date = expect.any(Date) as Date;

interface Timed {
  startedAt?: Date | undefined;
  endedAt?: Date | undefined;
  attempts?: number;
}

/** Throws unless both times are there and in their order. */
function expectOrder({ startedAt, endedAt }: Timed): void {
  expect([startedAt, endedAt]).toEqual([date, date]);
  expect(startedAt!.getTime()).toBeLessThanOrEqual(endedAt!.getTime());
}

async function all(swarm: Swarm<any>): Promise<ItemResult<unknown>[]> {
  const items: ItemResult<unknown>[] = [];
  for await (const item of swarm.results()) items.push(item);
  return items.sort((a, b) => a.index - b.index);
}

test('the results of a swarm say when each item began and ended, and how many attempts it took', async () => {
  const swarm = await mage.swarm<any>({
    tasks: [
      work,
      await mage.sign(retriedWork, { fail: 'not yet', failUntilAttempt: 2 }),
      await mage.sign(work, { fail: 'broken' }),
      await mage.chain([work, work]),
      work,
    ],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await mage.load(`${swarm.id}~4`).then((last) => last.cancel());
  const settled = await swarm.runSettled({});
  expect(settled.map(({ status, attempts }) => [status, attempts])).toEqual([
    ['succeeded', 1],
    ['succeeded', 3],
    ['failed', 1],
    ['succeeded', 1],
    ['cancelled', 0],
  ]);
  for (const item of settled.slice(0, 4)) expectOrder(item);
  expect(settled[4]).toMatchObject({ startedAt: undefined, endedAt: date });
  const { startedAt, endedAt } = await swarm.progress();
  for (const { startedAt: began, endedAt: ended } of settled.slice(0, 4)) {
    expect(began!.getTime()).toBeGreaterThanOrEqual(startedAt!.getTime());
    expect(ended!.getTime()).toBeLessThanOrEqual(endedAt!.getTime());
  }
  expect(await all(swarm)).toEqual(settled);
  const described = (await mage.describe(swarm.id)).children;
  const times = (of: Timed | undefined) => [of?.startedAt, of?.endedAt, of?.attempts ?? 0];
  for (const index of [0, 1, 2, 4]) expect(times(described[index])).toEqual(times(settled[index]));
  expectOrder(described[3]!);
});

test('a description says when an item began while it runs, and more once it has ended', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [work, { label: 'timed', waitFor: 'timed' }],
      [work, {}],
    ],
    config: { maxConcurrency: 1 },
  });
  await swarm.runNoWait({});
  await taskSet.started('timed');
  const [running, queued] = (await mage.describe(swarm.id)).children;
  expect(running).toMatchObject({ status: 'running', startedAt: date, attempts: 1 });
  expect(running).not.toHaveProperty('endedAt');
  for (const field of ['startedAt', 'endedAt', 'attempts']) expect(queued).not.toHaveProperty(field);
  taskSet.openGate('timed');
  await progressOf(swarm, { succeeded: 2 });
  const ended = await mage.describe(`${swarm.id}~0`);
  expect(ended).toMatchObject({ status: 'succeeded', startedAt: running?.startedAt, attempts: 1 });
  expectOrder(ended);
});

test('a task that is run by itself and its callback have times', async () => {
  const report = await mage.sign(callback, { label: 'timed callback' });
  const task = await mage.sign(work, {}, { successCallbacks: [report] });
  await task.run();
  await taskSet.settled(task);
  const described = await mage.describe(task.id);
  expect(described).toMatchObject({ createdAt: date, attempts: 1, callbacks: [{ attempts: 1 }] });
  expectOrder(described);
  expectOrder(described.callbacks![0]!);
  expect(described.createdAt!.getTime()).toBeLessThanOrEqual(described.startedAt!.getTime());
});

test('the progress of a swarm says how fast its items end, and when it will be over', async () => {
  const swarm = await mage.swarm({
    tasks: [[work, {}] as const, ...[1, 2, 3].map(() => [work, { waitFor: 'slow' }] as const)],
  });
  expect(await swarm.progress()).toMatchObject({ perSecond: 0, etaMs: undefined });
  await swarm.runNoWait({});
  const open = await progressOf(swarm, { succeeded: 1 });
  expect(open.perSecond).toBeGreaterThan(0);
  expect(open.etaMs).toBeUndefined();
  await swarm.closeSwarm();
  const { perSecond, etaMs } = await swarm.progress();
  expect(etaMs).toBe(Math.round((3 / perSecond) * 1_000));
  await swarm.suspend();
  expect((await swarm.progress()).etaMs).toBeUndefined();
  await swarm.resume();
  taskSet.openGate('slow');
  await statusOf(swarm, 'succeeded');
  const over = await swarm.progress();
  expect(over.perSecond).toBeGreaterThan(0);
  expect(over.etaMs).toBeUndefined();
  const seconds = (over.endedAt!.getTime() - over.startedAt!.getTime()) / 1_000;
  expect(over.perSecond).toBeCloseTo(4 / Math.min(seconds, 60));
  // It is that of its end, so it stays.
  expect((await mage.describe(swarm.id)).progress).toEqual(over);
});
