import { NotFoundError, type Progress, type Swarm } from '../../../src';
import { eventually, Fixture, newHatchet } from '../../helpers/fixture';
import { OwnRedis } from '../../helpers/own-redis';
import { progressOf, statusOf } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work } = taskSet;

beforeAll(async () => {
  await fixture.worker(taskSet.tasks);
});
afterAll(() => fixture.close());

/** Watches in the background. */
function watching(swarm: Swarm<any>): { seen: Progress[]; over: Promise<unknown> } {
  const seen: Progress[] = [];
  const over = (async () => {
    for await (const progress of swarm.watch()) seen.push(progress);
    return 'ended';
  })().catch((error: unknown) => error);
  return { seen, over };
}

const last = (seen: readonly Progress[]) => seen.at(-1);

test('watch yields the progress when it has changed, and ends with the last one', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [work, { label: 'a', waitFor: 'watch a' }],
      [work, { label: 'b', waitFor: 'watch b' }],
      [work, { label: 'c', waitFor: 'watch b', fail: 'no' }],
    ],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  const { seen, over } = watching(swarm);
  await eventually('the first is yielded', () => seen.length > 0);
  expect(seen[0]).toMatchObject({
    total: 3,
    waiting: 0,
    queued: 2,
    running: 1,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    closed: true,
    status: 'running',
    callbacks: { pending: 0, succeeded: 0, failed: 0 },
  });
  taskSet.openGate('watch a');
  await eventually('the second is yielded', () => last(seen)?.succeeded === 1);
  taskSet.openGate('watch b');
  expect(await over).toBe('ended');
  expect(last(seen)).toEqual(await swarm.progress());
  expect(last(seen)).toMatchObject({ succeeded: 2, failed: 1, status: 'succeeded' });
  const texts = seen.map((progress) => JSON.stringify(progress));
  expect(texts.filter((text, i) => text === texts[i - 1])).toEqual([]);
});

test('sees what another instance does', async () => {
  const other = fixture.another();
  const swarm = await mage.swarm({ name: 'watched from afar' });
  const { seen, over } = watching(await other.load<Swarm<unknown>>(swarm.id));
  await eventually('it is pending', () => last(seen)?.status === 'pending');
  await swarm.addTasks([[work, { waitFor: 'afar' }], work], { run: true });
  await eventually('its items are yielded', () => last(seen)?.total === 2 && last(seen)?.status === 'running');
  await swarm.suspend();
  await eventually('it is suspended', () => last(seen)?.status === 'suspended');
  await swarm.resume();
  taskSet.openGate('afar');
  await eventually('both have ended', () => last(seen)?.succeeded === 2);
  await swarm.closeSwarm();
  expect(await over).toBe('ended');
  expect(last(seen)).toMatchObject({ succeeded: 2, closed: true, status: 'succeeded' });
});

test('several watch one swarm, and one that breaks out leaves the others alone', async () => {
  const swarm = await mage.swarm({ tasks: [[work, { waitFor: 'several' }]], isSwarmClosed: true });
  await swarm.runNoWait({});
  const watchers = [watching(swarm), watching(await mage.load<Swarm<unknown>>(swarm.id))];
  const first: Progress[] = [];
  for await (const progress of swarm.watch()) {
    first.push(progress);
    break;
  }
  expect(first).toMatchObject([{ total: 1, running: 1, status: 'running' }]);
  taskSet.openGate('several');
  for (const { seen, over } of watchers) {
    expect(await over).toBe('ended');
    expect(last(seen)).toMatchObject({ succeeded: 1, status: 'succeeded' });
  }
});

test('watch yields the end of a swarm that failed or was cancelled', async () => {
  const failed = await mage.swarm({ tasks: [[work, { fail: 'no' }]], config: { stopAfterNFailures: 1 } });
  await failed.runNoWait({});
  const cancelled = await mage.swarm({
    tasks: [[work, { waitFor: 'cancelled' }], work],
    config: { maxConcurrency: 1 },
  });
  await cancelled.runNoWait({});
  const [a, b] = [watching(failed), watching(cancelled)];
  await taskSet.started(cancelled, 1);
  await cancelled.cancel();
  taskSet.openGate('cancelled');
  expect(await a.over).toBe('ended');
  expect(await b.over).toBe('ended');
  expect(last(a.seen)).toMatchObject({ failed: 1, status: 'failed' });
  expect(last(b.seen)).toMatchObject({ cancelled: 2, succeeded: 0, status: 'cancelled' });
});

test('watch yields a swarm that was never started, until somebody starts it', async () => {
  const swarm = await mage.swarm({ tasks: [work], isSwarmClosed: true });
  const { seen, over } = watching(swarm);
  await eventually('it is yielded', () => seen.length > 0);
  expect(seen).toMatchObject([{ total: 1, waiting: 1, status: 'pending' }]);
  await swarm.runNoWait({});
  expect(await over).toBe('ended');
  expect(last(seen)).toMatchObject({ succeeded: 1, status: 'succeeded' });
});

test('watch of a swarm that has ended yields the end once', async () => {
  const swarm = await mage.swarm({ tasks: [work], isSwarmClosed: true });
  await swarm.run({});
  const { seen, over } = watching(swarm);
  expect(await over).toBe('ended');
  expect(seen).toMatchObject([{ succeeded: 1, status: 'succeeded' }]);
});

test('throws NotFoundError for one that is unknown, also when it is forgotten meanwhile', async () => {
  const gone = await mage.swarm({ tasks: [work], isSwarmClosed: true });
  await gone.remove();
  expect(await watching(gone).over).toBeInstanceOf(NotFoundError);
  const swarm = await mage.swarm({ tasks: [work] });
  const { seen, over } = watching(swarm);
  await eventually('it is yielded', () => seen.length > 0);
  await swarm.remove();
  expect(await over).toBeInstanceOf(NotFoundError);
});

test('ends with an error when its instance is closed, and the swarm goes on', async () => {
  const other = fixture.another();
  const swarm = await mage.swarm({ tasks: [[work, { waitFor: 'closed' }]], isSwarmClosed: true });
  await swarm.runNoWait({});
  const loaded = await other.load<Swarm<unknown>>(swarm.id);
  const { seen, over } = watching(loaded);
  await eventually('it is yielded', () => seen.length > 0);
  await other.close();
  expect(((await over) as Error).message).toMatch(/closed/);
  expect(((await watching(loaded).over) as Error).message).toMatch(/closed/);
  taskSet.openGate('closed');
  await statusOf(swarm, 'succeeded');
});

const reading = new Set(['hmget', 'hget', 'hgetall', 'get', 'mget', 'getrange', 'lrange', 'exists', 'hscan']);

test('reads no more than once a second, however much happens', async () => {
  const own = await OwnRedis.open();
  const small = new Fixture({ leaseMs: 60_000, reconcileIntervalMs: 60_000 }, newHatchet(), own.url);
  try {
    // Nothing else reads in this Redis: no worker serves it, and its own the reconciler doesn't run.
    const swarm = await small.mage.swarm({ tasks: [[work, {}]] });
    const monitor = await small.redis.monitor();
    let reads = 0;
    monitor.on('monitor', (_time: string, [command]: string[], source: string) => {
      if (source !== 'lua' && reading.has(command?.toLowerCase() ?? '')) reads += 1;
    });
    const began = Date.now();
    const seen: Progress[] = [];
    for await (const progress of swarm.watch()) {
      seen.push(progress);
      // Each time that it looks, it finds something new.
      await swarm.addTasks(Array.from({ length: 5 }, () => work));
      if (seen.length === 4) break;
    }
    const seconds = (Date.now() - began) / 1_000;
    await eventually('the monitor shows all reads', () => reads >= 4);
    monitor.disconnect();
    expect(seen.map(({ total }) => total)).toEqual([1, 6, 11, 16]);
    expect(reads).toBeLessThanOrEqual(seconds + 1);
  } finally {
    await small.close();
    await own.close();
  }
});

test('watch yields a suspended swarm as suspended while its running items end', async () => {
  const swarm = await mage.swarm({
    tasks: [[work, { waitFor: 'suspended' }], work],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await taskSet.started(swarm, 1);
  await swarm.suspend();
  const { seen, over } = watching(swarm);
  await eventually('it is yielded', () => seen.length > 0);
  expect(seen[0]).toMatchObject({ running: 1, queued: 1, status: 'suspended' });
  taskSet.openGate('suspended');
  await eventually('the end of its item is yielded', () => last(seen)?.succeeded === 1);
  expect(last(seen)).toMatchObject({ running: 0, queued: 1, status: 'suspended' });
  await swarm.resume();
  expect(await over).toBe('ended');
  await progressOf(swarm, { succeeded: 2 });
});
