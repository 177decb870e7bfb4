import { eventually, Fixture, gate } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';
import { progressOf, statusOf } from '../../helpers/outcomes';

// No the reconciler comes by: whoever suspends takes back what it can reach.
const fixture = new Fixture({ leaseMs: 3_600_000 });
const taskSet = new TaskSet(fixture);
const lateOnes: number[] = [];
const { mage, hatchet } = fixture;
const late = mage.task({
  name: 'late',
  fn: async ({ n }: { n: number }) => {
    lateOnes.push(n);
    return { n };
  },
});
const [begun, open] = [gate(), gate()];
const aborted: boolean[] = [];
const plain = hatchet.task({
  name: 'plain',
  fn: async (_: object, { abortController }) => {
    begun.open();
    await open.opened;
    aborted.push(abortController.signal.aborted);
    return { plain: true };
  },
});

beforeAll(async () => {
  await fixture.worker(taskSet.tasks, { slots: 2 });
  const worker = await hatchet.worker('plain-worker', { workflows: [plain], handleKill: false });
  const running = worker.start();
  fixture.onClose(async () => {
    await worker.stop();
    await running;
  });
  fixture.onRelease(open.open);
  await worker.waitUntilReady(120_000);
});
afterAll(() => fixture.close());

const labels = (label: string, items: number) => Array.from({ length: items }, (_, n) => `${label} ${n}`);

/** How many runs the engine has had for a swarm's items, and how many of them ran a body to its end. */
async function runs({ id }: { id: string }, expected: { total: number; completed: number }) {
  await eventually(`the engine has ${JSON.stringify(expected)}`, async () => {
    const { rows } = await hatchet.runs.list({ additionalMetadata: { 'mageflow.swarm': id }, includePayloads: false });
    const completed = rows.filter(({ status }) => status === 'COMPLETED').length;
    expect({ total: rows.length, completed }).toEqual(expected);
    return true;
  });
}

test('what was published and has not begun is taken back, and runs once after resume, in order', async () => {
  const swarm = await mage.swarm({
    tasks: Array.from(
      { length: 6 },
      (_, n) => [taskSet.work, { label: `few ${n}`, value: n, waitFor: 'few' }] as const,
    ),
    config: { maxConcurrency: 5 },
    isSwarmClosed: true,
  });
  const handle = await swarm.runNoWait({});
  await eventually('two have begun', () => taskSet.order(...labels('few', 6)).length === 2);
  await progressOf(swarm, { running: 5, queued: 1 });
  await swarm.suspend();
  await progressOf(swarm, { running: 2, queued: 4, status: 'suspended' });
  taskSet.openGate('few');
  await progressOf(swarm, { succeeded: 2, running: 0, queued: 4 });
  await runs(swarm, { total: 5, completed: 2 });
  expect(taskSet.order(...labels('few', 6))).toHaveLength(2);
  await swarm.update({ maxConcurrency: 1 });
  await swarm.resume();
  expect(await handle.output).toEqual([0, 1, 2, 3, 4, 5]);
  const order = taskSet.order(...labels('few', 6));
  expect(order.slice(2)).toEqual(labels('few', 6).filter((label) => !order.slice(0, 2).includes(label)));
  await runs(swarm, { total: 9, completed: 6 });
});

test('an item that was published and is suspended by itself gives its slot to another one', async () => {
  const swarm = await mage.swarm({
    tasks: [0, 1].map((n) => [taskSet.work, { label: 'blocker', value: n, waitFor: 'blocker' }] as const),
  });
  await swarm.runNoWait({});
  await taskSet.started('blocker', 2);
  const narrow = await mage.swarm({ config: { maxConcurrency: 1 } });
  const first = await narrow.addTask(taskSet.work, { label: 'first', value: 1 });
  const second = await narrow.addTask(taskSet.work, { label: 'second', value: 2 });
  await narrow.closeSwarm();
  const handle = await narrow.runNoWait({});
  const { running: taken } = await narrow.progress();
  await first.suspend();
  expect([taken, await first.status()]).toEqual([1, 'suspended']);
  taskSet.openGate('blocker');
  await statusOf(second, 'succeeded');
  expect(taskSet.executions('first')).toEqual([]);
  await first.resume();
  expect(await handle.output).toEqual([1, 2]);
  expect(taskSet.order('first', 'second')).toEqual(['second', 'first']);
  await swarm.closeSwarm();
});

test('a task by itself that has not begun is published again by resume, also by that of another instance', async () => {
  const blockers = await mage.swarm({
    tasks: [0, 1].map((n) => [taskSet.work, { label: 'blocker two', value: n, waitFor: 'blocker two' }] as const),
    isSwarmClosed: true,
  });
  await blockers.runNoWait({});
  await taskSet.started('blocker two', 2);
  const task = await mage.sign(taskSet.work, { label: 'alone', value: 1 });
  const handle = await task.runNoWait({});
  const firstRun = await handle.runId;
  const another = await fixture.another().load(task.id);
  await another.suspend();
  await eventually('the first run is cancelled', async () => {
    return (await hatchet.runs.getDetails(firstRun)).status === 'CANCELLED';
  });
  await another.resume();
  const secondRun = await eventually('it has another run', async () => {
    const runId = await handle.runId;
    return runId !== firstRun && runId;
  });
  taskSet.openGate('blocker two');
  expect(await handle.output).toBe(1);
  const [body] = taskSet.executions('alone');
  expect(taskSet.executions('alone')).toHaveLength(1);
  expect(body?.runId).toBe(secondRun);
});

test('what nobody serves yet is taken back, and runs once when a worker comes after resume', async () => {
  const swarm = await mage.swarm({
    tasks: [0, 1, 2].map((n) => [late, { n }] as const),
    config: { maxConcurrency: 2 },
    isSwarmClosed: true,
  });
  const handle = await swarm.runNoWait({});
  await swarm.suspend();
  await progressOf(swarm, { running: 0, queued: 3, status: 'suspended' });
  await fixture.worker([late]);
  await swarm.resume();
  expect(await handle.output).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  expect(lateOnes.sort()).toEqual([0, 1, 2]);
});

test('what no wrapper serves and may be running is not aborted; the rest waits', async () => {
  const swarm = await mage.swarm({ tasks: [plain, plain], config: { maxConcurrency: 1 }, isSwarmClosed: true });
  const handle = await swarm.runNoWait({});
  await begun.opened;
  await swarm.suspend();
  expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1, status: 'suspended' });
  open.open();
  await progressOf(swarm, { succeeded: 1, running: 0, queued: 1, status: 'suspended' });
  expect(aborted).toEqual([false]);
  await swarm.resume();
  expect(await handle.output).toEqual([{ plain: true }, { plain: true }]);
  await runs(swarm, { total: 2, completed: 2 });
});
