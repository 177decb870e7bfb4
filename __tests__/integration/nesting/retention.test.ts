import { eventually, Fixture } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';
import { progressOf, statusOf } from '../../helpers/outcomes';
import type { MageflowOptions } from '../../../src';

const quick: MageflowOptions = { retention: { finishedMs: 500 }, leaseMs: 500, reconcileIntervalMs: 100 };

async function withTasks(options: MageflowOptions, body: (opened: Opened) => Promise<void>): Promise<void> {
  const fixture = new Fixture(options);
  const taskSet = new TaskSet(fixture);
  const { mage } = fixture;
  const root = mage.rootTask({
    name: 'root',
    fn: async ({ depth = 0 }: { depth?: number }) => {
      const { work } = taskSet;
      const inner = await mage.swarm({ tasks: [work, await mage.chain([work, work])], isSwarmClosed: true });
      await (await mage.chain([work, inner, work])).runNoWait({});
      await (await mage.swarm({ tasks: [work], isSwarmClosed: true })).runNoWait({});
      await (await mage.sign(work)).runNoWait({});
      if (depth > 0) await (await mage.sign('root', { depth: depth - 1 })).runNoWait({});
      return 'body';
    },
  });
  try {
    await fixture.worker([...taskSet.tasks, root]);
    await body({ fixture, taskSet, mage, work: taskSet.work, callback: taskSet.callback, root });
  } finally {
    await fixture.close();
  }
}

interface Opened {
  fixture: Fixture;
  taskSet: TaskSet;
  mage: Fixture['mage'];
  work: TaskSet['work'];
  callback: TaskSet['callback'];
  root: ReturnType<Fixture['mage']['rootTask']>;
}

/** Every key that groups have; where to find signatures by their ids is kept by itself. */
const groupKeys = async (fixture: Fixture) => (await fixture.keys()).filter((key) => key.includes('{'));

/** Waits until Redis holds nothing of any group, and looks once more whether the reconciler has left it. */
async function nothingLeft(fixture: Fixture): Promise<void> {
  await eventually('Redis holds no group', async () => {
    const keys = await groupKeys(fixture);
    if (keys.length > 0) throw new Error(keys.join('\n'));
    return true;
  });
  await eventually(
    'the reconciler has left them',
    async () => !(await fixture.keys()).some((key) => key.includes(':due:')),
  );
}

test('a nested tree leaves nothing in Redis when its time is over', () =>
  withTasks(quick, async ({ fixture, mage, work }) => {
    const deepest = await mage.swarm({ tasks: [work, work], isSwarmClosed: true });
    const chain = await mage.chain([work, deepest, work]);
    const empty = await mage.swarm({ isSwarmClosed: true });
    const outer = await mage.swarm({ tasks: [chain, empty, work], isSwarmClosed: true });
    await outer.run({});
    await nothingLeft(fixture);
  }));

test('a nested tree that failed, with groups that were never started, leaves nothing in Redis when its time is over', () =>
  withTasks(quick, async ({ fixture, taskSet, mage, work }) => {
    const never = await mage.swarm({ tasks: [work] });
    const chain = await mage.chain([await mage.sign(work, { fail: 'no', waitFor: 'all made' }), never]);
    const outer = await mage.swarm({
      tasks: [chain, await mage.swarm({ tasks: [work] }), await mage.chain([await mage.swarm({ tasks: [work] })])],
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
    });
    await outer.runNoWait({});
    taskSet.openGate('all made');
    await statusOf(outer, 'failed');
    await nothingLeft(fixture);
  }));

test('a nested tree that was cancelled leaves nothing in Redis when its time is over', () =>
  withTasks(quick, async ({ fixture, taskSet, mage, work }) => {
    const inner = await mage.swarm({
      tasks: [[work, { untilCancelled: true, label: 'runs' }], work],
      config: { maxConcurrency: 1 },
    });
    const outer = await mage.swarm({
      tasks: [await mage.chain([inner, work]), await mage.swarm({ tasks: [work] })],
      config: { maxConcurrency: 1 },
    });
    await outer.runNoWait({});
    await taskSet.started('runs');
    await outer.cancel();
    await statusOf(outer, 'cancelled');
    await nothingLeft(fixture);
  }));

test('a root task with a chain, a swarm and another root leaves nothing in Redis when its time is over', () =>
  withTasks(quick, async ({ fixture, mage, root, work }) => {
    const signed = await mage.sign(root, { depth: 1 } as never);
    const swarm = await mage.swarm({ tasks: [signed, work], isSwarmClosed: true });
    expect(await swarm.run({})).toHaveLength(2);
    await nothingLeft(fixture);
  }));

test('callbacks that are groups leave nothing in Redis when their time is over', () =>
  withTasks(quick, async ({ fixture, taskSet, mage, work, callback, root }) => {
    const template = await mage.swarm({ tasks: [await mage.chain([work, work])], isSwarmClosed: true });
    const inner = await mage.swarm({ tasks: [work], isSwarmClosed: true });
    const templates = [template, inner];
    const callbacks = [
      await mage.chain([work, inner], {
        successCallbacks: [await mage.sign(callback, { label: 'callback done' })],
      }),
      template,
      root,
    ];
    const task = await mage.sign(work, {}, { successCallbacks: callbacks });
    await task.run({});
    await taskSet.started('callback done');
    // What was only a template was never run: it goes when nobody has gone on with it for long enough.
    const isTemplate = (key: string) => templates.some((swarm) => key.includes(`{${swarm.id}}`));
    for (const key of (await groupKeys(fixture)).filter(isTemplate))
      expect(await fixture.redis.pttl(key)).toBeGreaterThan(0);
    await eventually('nothing is left of what ran', async () => {
      const keys = (await groupKeys(fixture)).filter((key) => !isTemplate(key));
      if (keys.length > 0) throw new Error(keys.join('\n'));
      return true;
    });
  }));

test('a nested group is kept as long as its outer one lives, beyond its own retention', () =>
  withTasks({ ...quick, retention: { finishedMs: 300 } }, async ({ fixture, taskSet, mage, work }) => {
    const inner = await mage.swarm({
      tasks: [
        [work, { value: 1 }],
        [work, { value: 2 }],
      ],
      isSwarmClosed: true,
    });
    const chain = await mage.chain([work, await mage.sign(work, { value: 3 })]);
    const outer = await mage.swarm({
      tasks: [inner, chain, [work, { waitFor: 'long', value: 4 }]],
      isSwarmClosed: true,
    });
    const handle = await outer.runNoWait({});
    await progressOf(outer, { succeeded: 2, running: 1 });
    await fixture.redis.set(`${fixture.keyPrefix}:longer than its retention`, '', 'PX', 3_000);
    await eventually(
      'its retention would be over',
      async () => !(await fixture.keys()).some((key) => key.includes('longer')),
    );
    expect(await inner.status()).toBe('succeeded');
    expect(await chain.status()).toBe('succeeded');
    taskSet.openGate('long');
    expect(await handle.output).toEqual([[1, 2], 3, 4]);
    await nothingLeft(fixture);
  }));

test('a nested swarm that was never started stays until its running parent reaches it', () =>
  withTasks(
    { ...quick, retention: { finishedMs: 500, abandonedMs: 1_000 } },
    async ({ fixture, taskSet, mage, work }) => {
      const deepest = await mage.swarm({ tasks: [[work, { value: 'deepest' }]], isSwarmClosed: true });
      const inner = await mage.swarm({ tasks: [deepest], isSwarmClosed: true });
      const step = await mage.swarm({ tasks: [[work, { value: 'step' }]], isSwarmClosed: true });
      const outer = await mage.swarm({
        tasks: [[work, { waitFor: 'in front', value: 'first' }], inner, await mage.chain([step])],
        config: { maxConcurrency: 1 },
        isSwarmClosed: true,
      });
      const handle = await outer.runNoWait({});
      await fixture.redis.set(`${fixture.keyPrefix}:longer than anything abandoned`, '', 'PX', 4_000);
      await eventually(
        'its time would be over',
        async () => !(await fixture.keys()).some((key) => key.includes('longer')),
      );
      taskSet.openGate('in front');
      expect(await handle.output).toEqual(['first', [['deepest']], ['step']]);
      await nothingLeft(fixture);
    },
  ));

test('a nested swarm whose outer one nobody ever starts goes with it', () =>
  withTasks({ ...quick, retention: { finishedMs: 300, abandonedMs: 800 } }, async ({ fixture, mage, work }) => {
    const inner = await mage.swarm({ tasks: [work] });
    await mage.swarm({ tasks: [inner, await mage.chain([await mage.swarm({ tasks: [work] })])] });
    expect((await groupKeys(fixture)).length).toBeGreaterThan(0);
    await nothingLeft(fixture);
  }));
