import { ConfigurationError, type SwarmConfig } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { rejection } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work, callback, errorCallback } = taskSet;
const both = { successCallbacks: [callback], errorCallbacks: [errorCallback] };

const flaky = mage.task({
  name: 'flaky',
  retries: 2,
  fn: (input: { failures: number }, ctx) => {
    if (ctx.retryCount() < input.failures) throw new Error(`attempt ${ctx.retryCount()}`);
    return {};
  },
});
const spawn = mage.rootTask({
  name: 'spawn',
  maxConcurrency: 1,
  stopAfterFailureRatio: 0.5,
  fn: async ({ pattern, waitFor }: { pattern: string; waitFor: string }) => {
    for (const item of pieces(pattern)) await (await mage.sign(item[0], item[1])).runNoWait({});
    // A body goes on whatever becomes of its children.
    await (await mage.sign(work, { label: 'late', waitFor })).runNoWait({});
    return { spawned: pattern.length };
  },
});

beforeAll(async () => {
  await fixture.worker([...taskSet.tasks, flaky, spawn]);
});
afterAll(() => fixture.close());

const failed = (count: number) => 'f'.repeat(count);
const fine = (count: number) => 's'.repeat(count);

/** Tasks that fail (f) or succeed (s). */
function pieces(pattern: string) {
  return [...pattern].map((letter) => [work, letter === 'f' ? { fail: 'no' } : {}] as const);
}

/** Runs items in this order, one at a time, and gives what has become of them when everything has ended. */
async function outcome(pattern: string, config: SwarmConfig) {
  const swarm = await mage.swarm({
    tasks: pieces(pattern),
    ...both,
    config: { maxConcurrency: 1, ...config },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await taskSet.settled(swarm);
  const { status, succeeded, failed, cancelled } = await swarm.progress();
  const callbacks = { reports: taskSet.callbacks(swarm).length, alerts: taskSet.errorCallbacks(swarm).length };
  return { status, succeeded, failed, cancelled, ...callbacks };
}

const stopped = { status: 'failed', reports: 0, alerts: 1 };
const wentOn = { status: 'succeeded', cancelled: 0, reports: 1, alerts: 0 };

describe('stopAfterFailureRatio', () => {
  test('stops at the 20th finished item, not before, also when that one has succeeded', async () => {
    const pattern = `${failed(19)}s${fine(4)}`;
    expect(await outcome(pattern, { stopAfterFailureRatio: 0.95 })).toEqual({
      ...stopped,
      failed: 19,
      succeeded: 1,
      cancelled: 4,
    });
  });

  test('stops when a failure reaches it exactly', async () => {
    expect(await outcome(`${fine(19)}fss`, { stopAfterFailureRatio: 0.05 })).toEqual({
      ...stopped,
      failed: 1,
      succeeded: 19,
      cancelled: 2,
    });
  });

  test('lets a swarm of 19 end well, whatever fails in it', async () => {
    expect(await outcome(failed(19), { stopAfterFailureRatio: 0 })).toEqual({ ...wentOn, failed: 19, succeeded: 0 });
  });

  test('counts when the last item is the 20th', async () => {
    expect(await outcome(failed(20), { stopAfterFailureRatio: 1 })).toEqual({
      ...stopped,
      failed: 20,
      succeeded: 0,
      cancelled: 0,
    });
  });

  test('is looked at with each item that ends after the 20th', async () => {
    expect(await outcome(`${failed(9)}${fine(11)}ffss`, { stopAfterFailureRatio: 0.5 })).toEqual({
      ...stopped,
      failed: 11,
      succeeded: 11,
      cancelled: 2,
    });
  });

  test('0 stops at the first failure from the 20th item on', async () => {
    expect(await outcome(`${fine(21)}fs`, { stopAfterFailureRatio: 0 })).toEqual({
      ...stopped,
      failed: 1,
      succeeded: 21,
      cancelled: 1,
    });
    expect(await outcome(fine(21), { stopAfterFailureRatio: 0 })).toEqual({ ...wentOn, failed: 0, succeeded: 21 });
  });

  test('1 stops only when all have failed', async () => {
    expect(await outcome(`${failed(20)}s`, { stopAfterFailureRatio: 1 })).toEqual({
      ...stopped,
      failed: 20,
      succeeded: 0,
      cancelled: 1,
    });
    expect(await outcome(`s${failed(21)}`, { stopAfterFailureRatio: 1 })).toEqual({
      ...wentOn,
      failed: 21,
      succeeded: 1,
    });
  });

  test('and stopAfterNFailures: the one that is reached first stops the swarm', async () => {
    expect(await outcome(`fff${fine(20)}`, { stopAfterFailureRatio: 0.1, stopAfterNFailures: 3 })).toEqual({
      ...stopped,
      failed: 3,
      succeeded: 0,
      cancelled: 20,
    });
    expect(await outcome(`${fine(18)}ffss`, { stopAfterFailureRatio: 0.1, stopAfterNFailures: 10 })).toEqual({
      ...stopped,
      failed: 2,
      succeeded: 18,
      cancelled: 2,
    });
  });

  test('looks at finished items only: what was cancelled is none', async () => {
    const swarm = await mage.swarm({ ...both, config: { stopAfterFailureRatio: 0.5 } });
    for (let i = 0; i < 3; i++) await (await swarm.addTask(work)).cancel();
    await swarm.addTasks(pieces(failed(19)));
    await swarm.closeSwarm();
    expect(await swarm.run({})).toEqual([]);
    expect(await swarm.progress()).toMatchObject({ failed: 19, cancelled: 3, status: 'succeeded' });
  });

  test('counts an item that is tried again once, by how it ends', async () => {
    const tried = async (failures: number) => {
      const swarm = await mage.swarm({
        tasks: [...pieces(fine(18)), [flaky, { failures: 2 }], [flaky, { failures }], work],
        ...both,
        config: { stopAfterFailureRatio: 0.05, maxConcurrency: 1 },
        isSwarmClosed: true,
      });
      await swarm.runNoWait({});
      await taskSet.settled(swarm);
      return swarm.progress();
    };
    expect(await tried(2)).toMatchObject({ status: 'succeeded', succeeded: 21, failed: 0, cancelled: 0 });
    expect(await tried(3)).toMatchObject({ status: 'failed', succeeded: 19, failed: 1, cancelled: 1 });
  });

  test('stops once when many fail at once: what runs finishes, and the error callback receives all failures', async () => {
    const swarm = await mage.swarm({
      tasks: Array.from({ length: 30 }, (_, i) => [
        work,
        { waitFor: 'at once', ...(i < 25 ? { fail: `no ${i}` } : {}) },
      ]),
      ...both,
      config: { stopAfterFailureRatio: 0.5, maxConcurrency: 25 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({ day: 'today' });
    await taskSet.started(swarm, 25);
    taskSet.openGate('at once');
    await taskSet.settled(swarm);
    const { status, failed: failures, succeeded, cancelled } = await swarm.progress();
    expect({ status, failures }).toEqual({ status: 'failed', failures: 25 });
    // Those before the 20th gave their slots to some of the last five, unless they ended together with it.
    expect(succeeded + cancelled).toBe(5);
    expect(taskSet.errorCallbacks(swarm).map(({ input }) => input)).toMatchObject([
      { day: 'today', error: { failureCount: 25, message: expect.stringContaining('25') as string } },
    ]);
    expect(taskSet.callbacks(swarm)).toEqual([]);
  });

  test('of a nested swarm: it is one failure of the outer one', async () => {
    const inner = await mage.swarm({
      tasks: pieces(`${failed(20)}ss`),
      config: { maxConcurrency: 1, stopAfterFailureRatio: 0.5 },
      isSwarmClosed: true,
    });
    const outer = await mage.swarm({ tasks: [inner, work], ...both, isSwarmClosed: true });
    expect(await outer.run({})).toEqual([{ received: null }]);
    expect(await inner.progress()).toMatchObject({ status: 'failed', failed: 20, cancelled: 2 });
    expect(await outer.progress()).toMatchObject({ status: 'succeeded', failed: 1, succeeded: 1 });
  });

  test('of a root task is for its children: those that wait never start, what its body goes on to publish neither', async () => {
    const root = await mage.sign(spawn, { pattern: failed(24), waitFor: 'root' }, both);
    await expect(root.run({})).rejects.toThrow(/20 of its 25 children failed/);
    const children = await root.children();
    expect(await children.progress()).toMatchObject({ status: 'failed', failed: 20, cancelled: 5, total: 25 });
    expect(taskSet.executions(children)).toHaveLength(20);
    expect(taskSet.labels(children)).not.toContain('late');
  });

  test.each([-0.01, 1.01, NaN, Infinity, '0.5', true])('refuses %p', async (stopAfterFailureRatio) => {
    const config = { stopAfterFailureRatio } as SwarmConfig;
    const error = await rejection(mage.swarm({ tasks: [work], config }));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('stopAfterFailureRatio: expected a number from 0 to 1');
    expect(() => mage.rootTask({ name: 'refused', ...config, fn: () => ({}) })).toThrow(ConfigurationError);
  });
});
