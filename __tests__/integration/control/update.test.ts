import { ConfigurationError, NotFoundError, SwarmFinishedError, type Swarm, type SwarmConfig } from '../../../src';
import { eventually, Fixture } from '../../helpers/fixture';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work, callback, errorCallback } = taskSet;
const both = { successCallbacks: [callback], errorCallbacks: [errorCallback] };

const spawn = mage.rootTask({
  name: 'spawn',
  maxConcurrency: 1,
  fn: async ({ children }: { children: Record<string, unknown>[] }) => {
    for (const child of children) await (await mage.sign(work, child)).runNoWait({});
    return { spawned: children.length };
  },
});

beforeAll(async () => {
  await fixture.worker([...taskSet.tasks, spawn]);
});
afterAll(() => fixture.close());

/** Items that all wait at one gate. */
const held = (gate: string, count: number) =>
  Array.from({ length: count }, (_, i) => [work, { label: `${gate} ${i}`, waitFor: gate }] as const);

const ended = async (swarm: Swarm<any>) => {
  await taskSet.settled(swarm);
  return swarm.progress();
};

describe('maxConcurrency', () => {
  test('free slots are taken at once when it grows', async () => {
    const swarm = await mage.swarm({ tasks: held('grows', 6), config: { maxConcurrency: 2 }, isSwarmClosed: true });
    await swarm.runNoWait({});
    await taskSet.started(swarm, 2);
    expect(await swarm.progress()).toMatchObject({ running: 2, queued: 4 });

    await swarm.update({ maxConcurrency: 5 });
    expect(await swarm.progress()).toMatchObject({ running: 5, queued: 1 });
    await taskSet.started(swarm, 5);
    taskSet.openGate('grows');
    expect(await ended(swarm)).toMatchObject({ succeeded: 6, status: 'succeeded' });
    expect(taskSet.labels(swarm).sort()).toEqual([0, 1, 2, 3, 4, 5].map((i) => `grows ${i}`));
  });

  test('nothing starts when it shrinks, until fewer run than it says', async () => {
    const tasks = Array.from({ length: 7 }, (_, i) => [work, { label: i, waitFor: `shrinks ${i}` }] as const);
    const swarm = await mage.swarm({ tasks, config: { maxConcurrency: 4 }, isSwarmClosed: true });
    await swarm.runNoWait({});
    await taskSet.started(swarm, 4);

    await swarm.update({ maxConcurrency: 2 });
    expect(await swarm.progress()).toMatchObject({ running: 4, queued: 3 });
    taskSet.openGate('shrinks 3');
    expect(await progressOf(swarm, { succeeded: 1 })).toMatchObject({ running: 3, queued: 3 });
    taskSet.openGate('shrinks 0');
    expect(await progressOf(swarm, { succeeded: 2 })).toMatchObject({ running: 2, queued: 3 });
    taskSet.openGate('shrinks 1');
    expect(await progressOf(swarm, { succeeded: 3 })).toMatchObject({ running: 2, queued: 2 });
    await taskSet.started(swarm, 5);
    expect(taskSet.labels(swarm).sort()).toEqual([0, 1, 2, 3, 4]);
    for (const i of [2, 4, 5, 6]) taskSet.openGate(`shrinks ${i}`);
    expect(await ended(swarm)).toMatchObject({ succeeded: 7, status: 'succeeded' });
  });

  test('null is the default, and what is undefined stays', async () => {
    const swarm = await mage.swarm({
      tasks: held('resets', 33),
      ...both,
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.started(swarm, 1);
    await swarm.update({ maxConcurrency: null, stopAfterNFailures: undefined });
    expect(await swarm.progress()).toMatchObject({ running: 30, queued: 3 });
    await swarm.update({});
    expect(await swarm.progress()).toMatchObject({ running: 30, queued: 3 });
    taskSet.openGate('resets');
    expect(await ended(swarm)).toMatchObject({ succeeded: 33 });

    const limited = await mage.swarm({ ...both, config: { maxConcurrency: 1, stopAfterNFailures: 1 } });
    await limited.update({ maxConcurrency: 3, stopAfterNFailures: undefined, stopAfterFailureRatio: null });
    await (await limited.addTask(work, { fail: 'the first' })).runNoWait({});
    await statusOf(limited, 'failed');
  });

  test('of a swarm that was not started counts from its start', async () => {
    const swarm = await mage.swarm({ tasks: held('pending', 5), config: { maxConcurrency: 1 }, isSwarmClosed: true });
    await swarm.update({ maxConcurrency: 3 });
    expect(await swarm.progress()).toMatchObject({ status: 'pending', running: 0, waiting: 5 });
    await swarm.runNoWait({});
    expect(await swarm.progress()).toMatchObject({ status: 'running', running: 3, queued: 2 });
    taskSet.openGate('pending');
    expect(await ended(swarm)).toMatchObject({ succeeded: 5 });
  });

  test('of a suspended swarm counts from its resume', async () => {
    const swarm = await mage.swarm({ tasks: held('asleep', 6), config: { maxConcurrency: 1 }, isSwarmClosed: true });
    await swarm.runNoWait({});
    await taskSet.started(swarm, 1);
    await swarm.suspend();
    await swarm.update({ maxConcurrency: 4 });
    expect(await swarm.progress()).toMatchObject({ status: 'suspended', running: 1, queued: 5 });
    expect(taskSet.executions(swarm)).toHaveLength(1);
    await swarm.resume();
    expect(await swarm.progress()).toMatchObject({ running: 4, queued: 2 });
    taskSet.openGate('asleep');
    expect(await ended(swarm)).toMatchObject({ succeeded: 6, status: 'succeeded' });
  });

  test('of a nested swarm that waits for its slot counts when it gets it', async () => {
    const inner = await mage.swarm({ tasks: held('inner', 4), config: { maxConcurrency: 1 }, isSwarmClosed: true });
    const outer = await mage.swarm({
      tasks: [[work, { waitFor: 'outer' }], inner],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await outer.runNoWait({});
    await taskSet.started(outer, 1);
    await inner.update({ maxConcurrency: 3 });
    expect(await inner.progress()).toMatchObject({ status: 'pending', running: 0 });
    taskSet.openGate('outer');
    await taskSet.started(inner, 3);
    expect(await inner.progress()).toMatchObject({ running: 3, queued: 1 });
    expect(await outer.progress()).toMatchObject({ running: 1 });
    taskSet.openGate('inner');
    await statusOf(outer, 'succeeded');
  });

  test("of a root's children", async () => {
    const root = await mage.sign(spawn, { children: held('children', 5).map(([, data]) => data) });
    const handle = await root.runNoWait({});
    const children = await root.children();
    await progressOf(children, { total: 5, running: 1, queued: 4 });
    await children.update({ maxConcurrency: 3 });
    expect(await children.progress()).toMatchObject({ running: 3, queued: 2 });
    await taskSet.started(children, 3);
    taskSet.openGate('children');
    await expect(handle.output).resolves.toEqual({ spawned: 5 });
  });

  test('changed by two processes again and again while items end, runs each item once and the callbacks once', async () => {
    const highest = 8;
    const tasks = Array.from(
      { length: 60 },
      (_, i) => [work, { label: i, ...(i < highest ? { waitFor: 'the highest' } : {}) }] as const,
    );
    const swarm = await mage.swarm({ tasks, ...both, config: { maxConcurrency: 1 }, isSwarmClosed: true });
    const elsewhere = await fixture.another().load<Swarm<unknown>>(swarm.id);
    const output = swarm.run({});
    await swarm.update({ maxConcurrency: highest });
    await taskSet.started(swarm, highest);
    expect((await swarm.progress()).running).toBe(highest);
    taskSet.openGate('the highest');
    let refused = 0;
    const change = async (from: Swarm<any>, sizes: readonly number[]) => {
      for (let i = 0; refused === 0; i++) {
        await from.update({ maxConcurrency: sizes[i % sizes.length] ?? 1 }).catch((error: unknown) => {
          expect(error).toBeInstanceOf(SwarmFinishedError);
          refused += 1;
        });
        expect((await from.progress()).running).toBeLessThanOrEqual(highest);
      }
    };
    await Promise.all([change(swarm, [1, highest, 3]), change(elsewhere, [6, 2, 7, 1])]);
    expect(await output).toHaveLength(60);
    await taskSet.settled(swarm);
    expect(new Set(taskSet.labels(swarm)).size).toBe(60);
    expect(taskSet.executions(swarm)).toHaveLength(60);
    expect(taskSet.callbacks(swarm)).toHaveLength(1);
    expect(taskSet.errorCallbacks(swarm)).toEqual([]);
  });
});

describe('a limit of failures', () => {
  test('that has been reached already stops the swarm: what runs finishes, what waits is cancelled', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { fail: 'a' }], [work, { fail: 'b' }], ...held('reached', 5)],
      ...both,
      config: { maxConcurrency: 2 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await progressOf(swarm, { failed: 2, running: 2, queued: 3 });
    await taskSet.started(swarm, 4);

    await swarm.update({ stopAfterNFailures: 3 });
    expect(await swarm.progress()).toMatchObject({ running: 2, queued: 3, cancelled: 0 });
    await swarm.update({ stopAfterNFailures: 2 });
    expect(await swarm.progress()).toMatchObject({ running: 2, queued: 0, cancelled: 3, status: 'running' });
    expect(taskSet.errorCallbacks(swarm)).toEqual([]);
    expect(await rejection(swarm.update({ stopAfterNFailures: null }))).toBeInstanceOf(SwarmFinishedError);

    taskSet.openGate('reached');
    expect(await ended(swarm)).toMatchObject({ succeeded: 2, failed: 2, cancelled: 3, status: 'failed' });
    expect(taskSet.executions(swarm)).toHaveLength(4);
    expect(taskSet.errorCallbacks(swarm).map(({ input }) => input)).toMatchObject([{ error: { failureCount: 2 } }]);
    expect(taskSet.callbacks(swarm)).toEqual([]);
  });

  test('that has been reached ends an open swarm in which nothing runs at once', async () => {
    const swarm = await mage.swarm({ ...both });
    await (await swarm.addTask(work, { fail: 'no' })).runNoWait({});
    const waits = await swarm.addTask(work);
    await progressOf(swarm, { failed: 1, running: 0, waiting: 1 });
    await swarm.update({ stopAfterNFailures: 1 });
    expect(await swarm.progress()).toMatchObject({ status: 'failed', closed: true, cancelled: 1 });
    expect(await waits.status()).toBe('cancelled');
    expect(await rejection(swarm.addTask(work))).toBeInstanceOf(SwarmFinishedError);
    await taskSet.settled(swarm);
    expect(taskSet.errorCallbacks(swarm)).toHaveLength(1);
    expect(taskSet.callbacks(swarm)).toEqual([]);
  });

  test('that is a ratio stops the swarm when it has been reached, and lets it go on when it has not', async () => {
    const done = Array.from({ length: 20 }, (_, i) => [work, i % 4 === 0 ? { fail: 'no' } : {}] as const);
    const swarm = await mage.swarm({ tasks: [...done, ...held('ratio', 2)], ...both, config: { maxConcurrency: 1 } });
    await swarm.runNoWait({});
    await progressOf(swarm, { failed: 5, succeeded: 15, running: 1, queued: 1 });
    await swarm.update({ stopAfterFailureRatio: 0.26 });
    expect(await swarm.progress()).toMatchObject({ closed: false, queued: 1, cancelled: 0 });
    await swarm.update({ stopAfterFailureRatio: 0.25 });
    expect(await swarm.progress()).toMatchObject({ closed: true, queued: 0, cancelled: 1, status: 'running' });
    taskSet.openGate('ratio');
    expect(await ended(swarm)).toMatchObject({ failed: 5, succeeded: 16, cancelled: 1, status: 'failed' });
    expect(taskSet.errorCallbacks(swarm)).toHaveLength(1);
  });

  test('that is taken away with null no longer stops it', async () => {
    const failing = Array.from({ length: 21 }, () => [work, { fail: 'no' }] as const);
    const swarm = await mage.swarm({
      tasks: failing,
      ...both,
      config: { stopAfterNFailures: 1, stopAfterFailureRatio: 0 },
      isSwarmClosed: true,
    });
    await swarm.update({ stopAfterNFailures: null, stopAfterFailureRatio: null });
    expect(await swarm.run({})).toEqual([]);
    expect(await ended(swarm)).toMatchObject({ failed: 21, status: 'succeeded' });
    expect(taskSet.callbacks(swarm)).toHaveLength(1);
  });

  test('that is reached while the swarm is suspended ends it at its resume', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { fail: 'no' }], ...held('asleep and failed', 2)],
      ...both,
      config: { maxConcurrency: 1 },
    });
    await swarm.runNoWait({});
    await progressOf(swarm, { failed: 1, running: 1 });
    await taskSet.started(swarm, 2);
    await swarm.suspend();
    await swarm.update({ stopAfterNFailures: 1 });
    taskSet.openGate('asleep and failed');
    await progressOf(swarm, { succeeded: 1, running: 0, cancelled: 1, status: 'suspended' });
    expect(taskSet.errorCallbacks(swarm)).toEqual([]);
    await swarm.resume();
    expect(await ended(swarm)).toMatchObject({ status: 'failed', failed: 1, succeeded: 1, cancelled: 1 });
    expect(taskSet.errorCallbacks(swarm)).toHaveLength(1);
    expect(taskSet.executions(swarm)).toHaveLength(2);
  });

  test("of a root's children fails the root when they have ended", async () => {
    const root = await mage.sign(
      spawn,
      { children: [{ fail: 'no' }, ...held('root fails', 2).map(([, data]) => data)] },
      { errorCallbacks: [errorCallback] },
    );
    const handle = await root.runNoWait({});
    const children = await root.children();
    await progressOf(children, { total: 3, failed: 1, running: 1 });
    await children.update({ stopAfterNFailures: 1 });
    expect(await children.progress()).toMatchObject({ cancelled: 1, running: 1, status: 'running' });
    expect(await root.status()).toBe('running');
    taskSet.openGate('root fails');
    await expect(handle.output).rejects.toThrow(/1 of its 3 children failed/);
    expect(await children.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 1, status: 'failed' });
  });
});

describe('refused', () => {
  test.each([
    [{ maxConcurrency: 0 }, /maxConcurrency: expected .*got 0/],
    [{ maxConcurrency: 1.5 }, /maxConcurrency: expected/],
    [{ maxConcurrency: '5' }, /maxConcurrency: expected .*"5"/],
    [{ stopAfterNFailures: 0 }, /stopAfterNFailures: expected/],
    [{ stopAfterFailureRatio: 1.1 }, /stopAfterFailureRatio: expected a number from 0 to 1, got 1.1/],
    [{ stopAfterFailureRatio: NaN }, /stopAfterFailureRatio: expected/],
    [{ timeoutMs: -1 }, /timeoutMs: expected/],
    [{ timeoutMs: '1s' }, /timeoutMs: expected .*"1s"/],
    [{ keepResults: true }, /keepResults/],
    [{ keepResults: null }, /keepResults/],
    [{ concurrency: 5 }, /concurrency/],
    [undefined, /a swarm config: expected an object/],
    [null, /a swarm config: expected an object/],
    [5, /a swarm config: expected an object/],
  ])('%p changes nothing', async (config, message) => {
    const swarm = await mage.swarm({ tasks: held('refused', 3), config: { maxConcurrency: 1 } });
    const bad = typeof config === 'object' && config ? { ...config, stopAfterNFailures: 1, ...config } : config;
    const error = await rejection(swarm.update(bad as SwarmConfig));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(message);
    await (await swarm.addTask(work, { fail: 'no' })).runNoWait({});
    await progressOf(swarm, { failed: 1, status: 'running' });
    await swarm.cancel();
  });

  test('when the swarm has ended, however it did', async () => {
    const succeeded = await mage.swarm({ tasks: [work], isSwarmClosed: true });
    await succeeded.run({});
    const cancelled = await mage.swarm({ tasks: [work] });
    await cancelled.cancel();
    for (const swarm of [succeeded, cancelled]) {
      const error = await rejection(swarm.update({ maxConcurrency: 3 }));
      expect(error).toBeInstanceOf(SwarmFinishedError);
      expect(error.message).toContain(swarm.id);
    }
  });

  test('when nothing is known of the swarm', async () => {
    const swarm = await mage.swarm({ tasks: [work], name: 'forgotten' });
    await swarm.remove();
    const error = await rejection(swarm.update({ maxConcurrency: 3 }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error.message).toContain('"forgotten"');
    expect((await fixture.keys()).filter((key) => key.includes(swarm.id))).toEqual([]);
  });
});

test('another process changes it by its id', async () => {
  const swarm = await mage.swarm({ tasks: held('elsewhere', 4), config: { maxConcurrency: 1 }, isSwarmClosed: true });
  await swarm.runNoWait({});
  await taskSet.started(swarm, 1);
  const elsewhere = await fixture.another().load<Swarm<unknown>>(swarm.id);
  await elsewhere.update({ maxConcurrency: 4 });
  await taskSet.started(swarm, 4);
  taskSet.openGate('elsewhere');
  await eventually('it has ended', async () => (await elsewhere.status()) === 'succeeded');
});
