import type { ItemEvent, Swarm } from '../../../src';
import { eventually, Fixture, gate } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const abandonedMs = 1_500;
const fixture = new Fixture({
  retention: { finishedMs: 60_000, abandonedMs },
  leaseMs: 500,
  reconcileIntervalMs: 100,
});
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work, callback } = taskSet;
const mayReturn = gate();
fixture.onRelease(mayReturn.open);
const root = mage.rootTask({
  name: 'root',
  fn: async ({ stays, child = {} }: { stays?: boolean; child?: object }) => {
    await (await mage.sign(work, { label: 'child', ...child })).runNoWait({});
    if (stays) await mayReturn.opened;
    return 'body';
  },
});

beforeAll(async () => {
  await fixture.worker([...taskSet.tasks, root]);
});
afterAll(() => fixture.close());

const abandoned = (kind: string, name: string) =>
  `The ${kind} "${name}" was cancelled: nothing had happened in it for retention.abandonedMs.`;
const tagged = (label: string, more: object = {}) => mage.sign(callback, { label, ...more });

/** Waits until so much more time than makes something abandoned has gone by, and the reconciler has looked at all there is. */
async function longEnough(): Promise<void> {
  const key = `${fixture.keyPrefix}:longer than that ${Math.random()}`;
  await fixture.redis.set(key, '', 'PX', 2 * abandonedMs);
  await eventually('the time is over', async () => (await fixture.redis.exists(key)) === 0);
  const other = await mage.swarm();
  await other.runNoWait();
  await statusOf(other, 'cancelled');
}

describe('what nobody goes on with is cancelled with its error callbacks', () => {
  test('an open swarm that is never closed', async () => {
    const swarm = await mage.swarm({
      name: 'left open',
      tasks: [[work, { value: 1 }], work],
      successCallbacks: [await tagged('closed well')],
      errorCallbacks: [await tagged('left open')],
    });
    const handle = await swarm.runNoWait({ from: 'its message' });
    await progressOf(swarm, { succeeded: 2, status: 'running' });
    await statusOf(swarm, 'cancelled');
    expect((await rejection(handle.output)).message).toBe(abandoned('swarm', 'left open'));
    const { input } = await taskSet.onlyExecution('left open', swarm);
    expect(input).toMatchObject({
      from: 'its message',
      error: { message: abandoned('swarm', 'left open'), failureCount: 0, failures: [] },
    });
    expect(taskSet.executions('closed well')).toEqual([]);
    expect(await swarm.progress()).toMatchObject({ succeeded: 2, cancelled: 0, closed: true });
    expect((await rejection(swarm.addTask(work))).name).toBe('SwarmFinishedError');
  });

  test('an open swarm that was started empty', async () => {
    const swarm = await mage.swarm({ name: 'empty', errorCallbacks: [await tagged('empty')] });
    await swarm.runNoWait();
    await statusOf(swarm, 'cancelled');
    expect((await taskSet.onlyExecution('empty', swarm)).input['error']).toMatchObject({
      message: abandoned('swarm', 'empty'),
    });
  });

  test('a suspended swarm, whose waiting items never run', async () => {
    const swarm = await mage.swarm({
      name: 'held',
      tasks: [
        [work, { label: 'ran', waitFor: 'held' }],
        [work, { label: 'never ran' }],
      ],
      errorCallbacks: [await tagged('was held')],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.started('ran');
    await swarm.suspend();
    taskSet.openGate('held');
    await statusOf(swarm, 'cancelled');
    expect((await taskSet.onlyExecution('was held', swarm)).input['error']).toMatchObject({
      message: abandoned('swarm', 'held'),
    });
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, cancelled: 1, status: 'cancelled' });
    expect(taskSet.executions('never ran')).toEqual([]);
  });

  test('a suspended chain', async () => {
    const chain = await mage.chain(
      [await mage.sign(work, { label: 'first', waitFor: 'first' }), await mage.sign(work, { label: 'second' })],
      { name: 'held', errorCallbacks: [await tagged('chain was held')] },
    );
    const handle = await chain.runNoWait({});
    await taskSet.started('first');
    await chain.suspend();
    taskSet.openGate('first');
    expect((await rejection(handle.output)).message).toBe(abandoned('chain', 'held'));
    expect((await taskSet.onlyExecution('chain was held', chain)).input['error']).toMatchObject({
      message: abandoned('chain', 'held'),
    });
    expect(taskSet.executions('second')).toEqual([]);
  });

  test('a task that was suspended before it was run', async () => {
    const task = await mage.sign(
      work,
      { label: 'never begun' },
      { name: 'alone', errorCallbacks: [await tagged('task was held')] },
    );
    const events: ItemEvent[] = [];
    const stop = mage.on('item', (event) => events.push(event));
    fixture.onRelease(stop);
    await task.suspend();
    const handle = await task.runNoWait({});
    await statusOf(task, 'cancelled');
    expect((await rejection(handle.output)).name).toBe('CancelledError');
    const own = () => events.filter(({ groupId, callback }) => groupId === task.id && !callback);
    await eventually('its end is an event', async () => own().length > 0);
    expect(own()).toEqual([
      { id: task.id, groupId: task.id, callback: false, status: 'cancelled', task: expect.any(String) },
    ]);
    const { input } = await taskSet.onlyExecution('task was held', task);
    expect(input['error']).toMatchObject({ message: abandoned('task', 'alone') });
    expect(taskSet.executions('never begun')).toEqual([]);
  });

  test('an item that is suspended by itself, with its swarm', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { label: 'passes', waitFor: 'passes' }]],
      errorCallbacks: [await tagged('item was held')],
      config: { maxConcurrency: 1 },
    });
    const item = await swarm.addTask(work, { label: 'stays' });
    await swarm.runNoWait({});
    await taskSet.started('passes');
    await item.suspend();
    await swarm.closeSwarm();
    taskSet.openGate('passes');
    await statusOf(swarm, 'cancelled');
    expect(await item.status()).toBe('cancelled');
    await taskSet.onlyExecution('item was held', swarm);
    expect(taskSet.executions('stays')).toEqual([]);
  });

  test('the children of a root, suspended after its body has ended, and so the root', async () => {
    const signed = await mage.sign(
      root,
      { child: { waitFor: 'child', label: 'kept child' } },
      {
        successCallbacks: [await tagged('root was well')],
        errorCallbacks: [await tagged('root was held')],
      },
    );
    const handle = await signed.runNoWait({});
    await taskSet.started('kept child');
    const children = await signed.children();
    await progressOf(children, { closed: true, running: 1 });
    const waiting = await mage.load<Swarm<unknown>>(children.id);
    await waiting.suspend();
    taskSet.openGate('child');
    await statusOf(children, 'cancelled');
    expect((await rejection(handle.output)).name).toBe('CancelledError');
    expect(await signed.status()).toBe('cancelled');
    expect((await taskSet.onlyExecution('root was held', signed)).input['error']).toMatchObject({
      message: abandoned('root', 'root-swarm:root'),
    });
    expect(taskSet.executions('root was well')).toEqual([]);
  });
});

describe('inside another group', () => {
  test('an open swarm is cancelled, and its parent goes on', async () => {
    const inner = await mage.swarm({
      name: 'inner',
      tasks: [work],
      errorCallbacks: [await tagged('inner was left')],
    });
    const outer = await mage.swarm({
      tasks: [inner, [work, { value: 'after it' }]],
      successCallbacks: [await tagged('outer went on')],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    expect(await outer.run({})).toEqual(['after it']);
    expect(await inner.status()).toBe('cancelled');
    expect(await outer.progress()).toMatchObject({ succeeded: 1, cancelled: 1, status: 'succeeded' });
    await taskSet.onlyExecution('outer went on', outer);
    expect(taskSet.executions('inner was left').map(({ input }) => input['error'])).toMatchObject([
      { message: abandoned('swarm', 'inner') },
    ]);
  });

  test('an open swarm as the step of a chain ends the chain', async () => {
    const open = await mage.swarm({ name: 'open step', tasks: [work] });
    const chain = await mage.chain([open, await mage.sign(work, { label: 'after the open step' })], {
      errorCallbacks: [await tagged('chain was stuck')],
    });
    const handle = await chain.runNoWait({});
    expect((await rejection(handle.output)).name).toBe('CancelledError');
    await taskSet.onlyExecution('chain was stuck', chain);
    expect(taskSet.executions('after the open step')).toEqual([]);
  });

  test('what is suspended from above ends from below', async () => {
    const inner = await mage.swarm({
      tasks: [[work, { label: 'deep', waitFor: 'deep' }], work],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const outer = await mage.swarm({
      tasks: [inner],
      errorCallbacks: [await tagged('all was held')],
      isSwarmClosed: true,
    });
    await outer.runNoWait({});
    await taskSet.started('deep');
    await outer.suspend();
    await statusOf(inner, 'suspended');
    taskSet.openGate('deep');
    await statusOf(inner, 'cancelled');
    await statusOf(outer, 'cancelled');
    await taskSet.onlyExecution('all was held', outer);
  });
});

describe('callbacks that were held back run when nobody resumes', () => {
  test('the callbacks of a suspended item, of a swarm that has ended', async () => {
    const swarm = await mage.swarm({ tasks: [work] });
    const item = await swarm.addTask(
      work,
      { label: 'item', waitFor: 'item' },
      { successCallbacks: [await tagged('callback of the item')] },
    );
    await swarm.runNoWait({});
    await taskSet.started('item');
    await item.suspend();
    await swarm.closeSwarm();
    taskSet.openGate('item');
    await statusOf(swarm, 'succeeded');
    await taskSet.onlyExecution('callback of the item', swarm);
    expect(await swarm.status()).toBe('succeeded');
  });

  test('the callbacks of a suspended task whose body has ended', async () => {
    const task = await mage.sign(
      work,
      { label: 'suspended task', waitFor: 'task', value: 'its output' },
      { successCallbacks: [await tagged('callback of the task')], errorCallbacks: [await tagged('task failed')] },
    );
    const handle = await task.runNoWait({});
    await taskSet.started('suspended task');
    await task.suspend();
    taskSet.openGate('task');
    const { input } = await taskSet.onlyExecution('callback of the task', task);
    expect(input['returnValue']).toBe('its output');
    expect(await handle.output).toBe('its output');
    expect(await task.status()).toBe('succeeded');
    expect(taskSet.executions('task failed')).toEqual([]);
  });
});

describe('is not abandoned', () => {
  test('a swarm in which one body runs, however long, or waits for another attempt', async () => {
    const swarm = await mage.swarm({ tasks: [[work, { label: 'long', waitFor: 'long', value: 'late' }]] });
    await swarm.runNoWait({});
    await taskSet.started('long');
    await longEnough();
    expect(await swarm.status()).toBe('running');
    await swarm.closeSwarm();
    taskSet.openGate('long');
    await statusOf(swarm, 'succeeded');
  });

  test('a suspended swarm in which a body still runs', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { label: 'still at it', waitFor: 'still' }], work],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.started('still at it');
    await swarm.suspend();
    await longEnough();
    expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1, status: 'suspended' });
    await swarm.resume();
    taskSet.openGate('still');
    await statusOf(swarm, 'succeeded');
  });

  test('a root whose body still runs, when all its children have ended', async () => {
    const signed = await mage.sign(root, { stays: true });
    const handle = await signed.runNoWait({});
    const children = await signed.children();
    await progressOf(children, { succeeded: 1 });
    await longEnough();
    expect(await children.status()).toBe('running');
    expect(await signed.status()).toBe('running');
    mayReturn.open();
    expect(await handle.output).toBe('body');
  });

  test('a swarm that was never started: it is only forgotten', async () => {
    const swarm = await mage.swarm({ tasks: [work], errorCallbacks: [await tagged('never started')] });
    await eventually('it is gone', async () => !(await fixture.keys()).some((key) => key.includes(`{${swarm.id}}`)));
    await longEnough();
    expect(taskSet.executions('never started')).toEqual([]);
  });
});

describe('the time starts over', () => {
  /** As if nothing had happened for a long time; this instance's clock would not have to wait. */
  async function longAgo(fixture: Fixture, { id }: { id: string }): Promise<string> {
    const state = (await fixture.keys()).find((key) => key.endsWith(`{${id}}:g`)) ?? '';
    await fixture.redis.hset(state, 'pr', 1_000);
    return state;
  }

  test.each<[string, (swarm: Swarm<unknown>, own: Fixture['mage']) => Promise<unknown>]>([
    ['an item is added', (swarm) => swarm.addTask('anything')],
    ['it is suspended', (swarm) => swarm.suspend()],
    ['it is resumed', (swarm) => swarm.resume()],
    ['it is updated', (swarm) => swarm.update({ maxConcurrency: 3 })],
    ['an item is suspended', async (swarm, own) => (await own.load(`${swarm.id}~0`)).suspend()],
    ['an item is cancelled', async (swarm, own) => (await own.load(`${swarm.id}~0`)).cancel()],
  ])('when %s', async (_what, act) => {
    // No worker and no the reconciler runs in this store.
    const alone = new Fixture();
    try {
      const swarm = await alone.mage.swarm();
      await swarm.runNoWait();
      await swarm.addTask('anything');
      const state = await longAgo(alone, swarm);
      await act(swarm, alone.mage);
      const [seconds] = await alone.redis.time();
      expect(Number(seconds) * 1_000 - Number(await alone.redis.hget(state, 'pr'))).toBeLessThan(60_000);
    } finally {
      await alone.close();
    }
  });

  test('but not when somebody only looks', async () => {
    const alone = new Fixture();
    try {
      const swarm = await alone.mage.swarm();
      await swarm.runNoWait();
      const state = await longAgo(alone, swarm);
      expect(await swarm.progress()).toMatchObject({ status: 'running' });
      for await (const { status } of swarm.watch()) {
        expect(status).toBe('running');
        break;
      }
      await (await alone.mage.load<Swarm<unknown>>(swarm.id)).status();
      expect(await alone.redis.hget(state, 'pr')).toBe('1000');
      alone.mage.startReconciler();
      await statusOf(swarm, 'cancelled');
    } finally {
      await alone.close();
    }
  });
});
