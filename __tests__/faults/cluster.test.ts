import type { Description } from '../../src';
import { eventually, Fixture, newHatchet } from '../helpers/fixture';
import { OwnCluster } from '../helpers/own-cluster';
import { TaskSet } from '../helpers/task-set';
import { Roots } from '../helpers/roots';

// A sample of what groups can do, on three masters: `tsx scripts/on-cluster.ts` runs whole suites on them.
let cluster: OwnCluster;
let fixture: Fixture;
let taskSet: TaskSet;
let roots: Roots;
let root: ReturnType<Roots['declare']>;

beforeAll(async () => {
  cluster = await OwnCluster.open('--appendonly', 'no');
  fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250 }, newHatchet(), cluster.connect());
  taskSet = new TaskSet(fixture);
  roots = new Roots(fixture);
  root = roots.declare('root', { maxConcurrency: 2 });
  await fixture.worker([...taskSet.tasks, ...roots.tasks]);
});
afterAll(async () => {
  // Not there when the cluster did not start.
  await (fixture as Fixture | undefined)?.close();
  await (cluster as OwnCluster | undefined)?.close();
});

const sign = (label: string, more: object = {}) => fixture.mage.sign(taskSet.work, { label, ...more });
const note = (label: string) => fixture.mage.sign(taskSet.callback, { label });

test('a swarm of 300 keeps its limit, and its callback gets all outputs', async () => {
  const swarm = await fixture.mage.swarm({
    tasks: Array.from({ length: 300 }, (_, n) => [taskSet.work, { value: n, gauge: 'limited' }] as const),
    config: { maxConcurrency: 12 },
    successCallbacks: [await note('all 300')],
    isSwarmClosed: true,
  });
  taskSet.gauge('limited').fill(12);
  await expect(swarm.run()).resolves.toEqual(Array.from({ length: 300 }, (_, n) => n));
  expect((await taskSet.onlyExecution('all 300', swarm)).input['returnValue']).toHaveLength(300);
  expect(taskSet.gauge('limited')).toMatchObject({ total: 300, max: 12 });
});

test('a chain in a swarm hands its outputs on, and the swarm gets its last one', async () => {
  const { mage } = fixture;
  const chain = await mage.chain([await sign('first', { value: 'one' }), await sign('second')]);
  const inner = await mage.swarm({ tasks: [await sign('inner', { value: 'in' })], isSwarmClosed: true });
  const outer = await mage.swarm({ tasks: [chain, inner, await sign('beside', { value: 2 })], isSwarmClosed: true });
  await expect(outer.run()).resolves.toEqual([{ label: 'second', received: 'one' }, ['in'], 2]);
});

test('a root in a root ends with all of its children, and then its callback runs', async () => {
  const inner = await roots.sign(root, async () => {
    for (const label of ['deep 1', 'deep 2', 'deep 3']) await (await sign(label)).runNoWait({});
    return 'inner body';
  });
  const outer = await fixture.mage.sign(
    root,
    roots.body(async () => {
      await inner.runNoWait();
      // Whatever is begun before the body returns is a child, awaited or not.
      void (await sign('not awaited')).runNoWait({});
      return 'outer body';
    }),
    { successCallbacks: [await note('outer done')] },
  );
  await expect(outer.run()).resolves.toBe('outer body');
  const { input } = await taskSet.onlyExecution('outer done', outer);
  expect(input['childResults']).toEqual(['inner body', { label: 'not awaited', received: null }]);
  expect(taskSet.order('deep 1', 'deep 2', 'deep 3', 'outer done')).toHaveLength(4);
});

test('what is suspended starts nothing, and goes on from there when it is resumed', async () => {
  const { mage } = fixture;
  const nested = await mage.swarm({ tasks: [await sign('later')], isSwarmClosed: true });
  const swarm = await mage.swarm({
    tasks: [await sign('running', { waitFor: 'suspended' }), nested],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const ended = swarm.run();
  await taskSet.started('running');
  await swarm.suspend();
  taskSet.openGate('suspended');
  await eventually('the first has ended', async () => (await swarm.progress()).succeeded === 1);
  expect(taskSet.executions('later')).toHaveLength(0);
  await swarm.resume();
  await expect(ended).resolves.toHaveLength(2);
});

test('a cancel goes down the tree, and the error callback runs once', async () => {
  const { mage } = fixture;
  const nested = await mage.swarm({ tasks: [await sign('cancelled', { untilCancelled: true })], isSwarmClosed: true });
  const swarm = await mage.swarm({
    tasks: [nested, await sign('never', {})],
    config: { maxConcurrency: 1 },
    errorCallbacks: [await note('told of the cancel')],
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await taskSet.started('cancelled');
  await swarm.cancel();
  await taskSet.onlyExecution('told of the cancel', swarm);
  await expect(nested.status()).resolves.toBe('cancelled');
  expect(taskSet.executions('never')).toHaveLength(0);
});

test('only what failed is tried again', async () => {
  const swarm = await fixture.mage.swarm({
    tasks: [await sign('well', { value: 1 }), await sign('badly', { fail: 'not yet' })],
    config: { stopAfterNFailures: 1 },
    isSwarmClosed: true,
  });
  await swarm.runSettled();
  await taskSet.settled(swarm);
  await swarm.retryFailed();
  await taskSet.started('badly', 2);
  await taskSet.settled(swarm);
  expect(taskSet.executions('well')).toHaveLength(1);
  await expect(swarm.status()).resolves.toBe('failed');
});

test('groups are listed, described as a tree, and removed with all that belongs to them', async () => {
  const { mage } = fixture;
  const inner = await mage.swarm({ name: 'inner', tasks: [await sign('in it')], isSwarmClosed: true });
  const outer = await mage.swarm({ name: 'to be removed', tasks: [inner], isSwarmClosed: true });
  await outer.run();
  await taskSet.settled(outer);
  const { items } = await mage.list({ limit: 50 });
  expect(items.map(({ id }) => id)).toContain(outer.id);
  const shown: Description = await mage.describe(outer.id);
  expect(shown).toMatchObject({ name: 'to be removed', status: 'succeeded', children: [{ name: 'inner' }] });
  await outer.remove();
  const left = (await fixture.keys()).filter((key) => [outer.id, inner.id].some((id) => key.includes(`{${id}`)));
  expect(left).toEqual([]);
});
