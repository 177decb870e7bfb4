import { CancelledError, SwarmFinishedError } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

describe('the limit of failures', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const { mage } = fixture;
  const { work, callback, errorCallback } = taskSet;
  const flaky = mage.task({
    name: 'flaky',
    retries: 2,
    fn: (input: { failures: number }, ctx) => {
      if (ctx.retryCount() < input.failures) throw new Error(`attempt ${ctx.retryCount()}`);
      return { attempts: ctx.retryCount() + 1 };
    },
  });
  const both = { successCallbacks: [callback], errorCallbacks: [errorCallback] };

  beforeAll(async () => {
    await fixture.worker([...taskSet.tasks, flaky]);
  });
  afterAll(() => fixture.close());

  test('stops the swarm: running items finish and run their own callbacks, then the error callbacks run, once', async () => {
    const held = (name: string, options = {}) => mage.sign(work, { label: name, waitFor: `stop-${name}` }, options);
    const swarm = await mage.swarm({
      tasks: [
        await held('succeeds', { successCallbacks: [await mage.sign(callback, { of: 'item' })] }),
        await mage.sign(
          work,
          { label: 'fails late', waitFor: 'stop-late', fail: 'late' },
          { errorCallbacks: [await mage.sign(errorCallback, { of: 'item' })] },
        ),
        await mage.sign(work, { label: 'never' }, { successCallbacks: [callback], errorCallbacks: [errorCallback] }),
      ],
      ...both,
      config: { maxConcurrency: 2, stopAfterNFailures: 1 },
    });
    const [succeeds, late] = await Promise.all([0, 1].map((index) => mage.load(`${swarm.id}~${index}`)));
    await succeeds!.runNoWait({});
    await late!.runNoWait({});
    await taskSet.started(swarm, 2);
    const limit = await swarm.addTask(work, { label: 'limit', fail: 'limit' });
    await limit.runNoWait({});
    taskSet.openGate('stop-late');
    await progressOf(swarm, { failed: 1, running: 1, cancelled: 2 });
    // Its end comes with that of the last running item, and the error callbacks with its end.
    expect(await swarm.status()).toBe('running');
    expect(taskSet.errorCallbacks(swarm).filter(({ input }) => input['of'] !== 'item')).toEqual([]);

    taskSet.openGate('stop-succeeds');
    await taskSet.settled(swarm);
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 2, status: 'failed' });
    expect(taskSet.labels(swarm).sort()).toEqual(['fails late', 'succeeds']);
    expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([
      { of: 'item', returnValue: { label: 'succeeds', received: null } },
    ]);
    expect(
      taskSet
        .errorCallbacks(swarm)
        .map(({ input }) => input['of'] ?? 'swarm')
        .sort(),
    ).toEqual(['item', 'swarm']);
  });

  test('runs the error callbacks once, however many fail beyond it', async () => {
    const tasks = await Promise.all(
      Array.from({ length: 6 }, (_, i) => mage.sign(work, { waitFor: 'beyond', fail: `failure ${i}` })),
    );
    const swarm = await mage.swarm({ tasks, ...both, config: { stopAfterNFailures: 2 }, isSwarmClosed: true });
    await swarm.runNoWait({});
    await taskSet.started(swarm, 6);
    taskSet.openGate('beyond');
    await taskSet.settled(swarm);
    expect(await swarm.progress()).toMatchObject({ failed: 6, cancelled: 0, status: 'failed' });
    expect(taskSet.errorCallbacks(swarm).map(({ input }) => input)).toMatchObject([{ error: { failureCount: 6 } }]);
    expect(taskSet.callbacks(swarm)).toEqual([]);
  });

  test('counts when the last item reaches it', async () => {
    const swarm = await mage.swarm({
      tasks: [work, await mage.sign(work, { fail: 'last' })],
      ...both,
      config: { stopAfterNFailures: 1, maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.settled(swarm);
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 0, status: 'failed' });
    expect(taskSet.errorCallbacks(swarm)).toHaveLength(1);
    expect(taskSet.callbacks(swarm)).toEqual([]);
  });

  test('ends an open swarm too, and nothing can be added or run afterwards', async () => {
    const swarm = await mage.swarm({ ...both, config: { stopAfterNFailures: 1 } });
    const waiting = await swarm.addTask(work);
    const bad = await swarm.addTask(work, { fail: 'broken' });
    await bad.runNoWait({});
    await taskSet.settled(swarm);
    expect(await swarm.progress()).toMatchObject({ closed: true, failed: 1, cancelled: 1, status: 'failed' });
    expect(await rejection(swarm.addTask(work))).toBeInstanceOf(SwarmFinishedError);
    expect(await rejection(swarm.runNoWait({}))).toBeInstanceOf(SwarmFinishedError);
    expect(await waiting.status()).toBe('cancelled');
    await swarm.closeSwarm();
    await taskSet.settled(swarm);
    expect(taskSet.errorCallbacks(swarm)).toHaveLength(1);
    expect(taskSet.executions(swarm)).toHaveLength(1);
  });

  test('rejects the output of an item that waited for its slot with CancelledError', async () => {
    const swarm = await mage.swarm({ config: { stopAfterNFailures: 1, maxConcurrency: 1 } });
    const bad = await swarm.addTask(work, { fail: 'broken', waitFor: 'cancelled' });
    const queued = await swarm.addTask(work);
    await bad.runNoWait({});
    const output = rejection(queued.run({}));
    await progressOf(swarm, { queued: 1 });
    taskSet.openGate('cancelled');
    expect(await output).toBeInstanceOf(CancelledError);
    expect(await queued.status()).toBe('cancelled');
  });

  test('is none by default: when all fail, the success callbacks run, with an empty list', async () => {
    const tasks = await Promise.all(Array.from({ length: 4 }, () => mage.sign(work, { fail: 'broken' })));
    const swarm = await mage.swarm({ tasks, ...both, isSwarmClosed: true });
    expect(await swarm.run({})).toEqual([]);
    await taskSet.settled(swarm);
    expect(await swarm.status()).toBe('succeeded');
    expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([{ returnValue: [] }]);
    expect(taskSet.callbacks(swarm)[0]?.context?.failures).toHaveLength(4);
    expect(taskSet.errorCallbacks(swarm)).toEqual([]);
  });

  test('counts an item once, after its last attempt, and not the attempts', async () => {
    const swarm = await mage.swarm({
      tasks: [
        await mage.sign(flaky, { failures: 2 }),
        await mage.sign(flaky, { failures: 3 }),
        await mage.sign(flaky, { failures: 0 }),
      ],
      ...both,
      config: { stopAfterNFailures: 2 },
      isSwarmClosed: true,
    });
    expect(await swarm.runSettled()).toMatchObject([
      { status: 'succeeded', output: { attempts: 3 } },
      { status: 'failed', error: 'attempt 2' },
      { status: 'succeeded', output: { attempts: 1 } },
    ]);
    await taskSet.settled(swarm);
    expect(taskSet.callbacks(swarm)).toHaveLength(1);
    expect(taskSet.errorCallbacks(swarm)).toEqual([]);
  });

  test('counts an item whose task no worker knows', async () => {
    const swarm = await mage.swarm({
      tasks: ['nobody-serves-this', work],
      ...both,
      config: { stopAfterNFailures: 1 },
    });
    await swarm.runNoWait({});
    const waits = await swarm.addTask(work);
    await statusOf(swarm, 'failed');
    expect(await waits.status()).toBe('cancelled');
    await taskSet.settled(swarm);
    expect(taskSet.errorCallbacks(swarm)[0]?.input).toMatchObject({
      error: { failures: [{ index: 0, message: 'no worker has registered a task named nobody-serves-this' }] },
    });
  });
});
