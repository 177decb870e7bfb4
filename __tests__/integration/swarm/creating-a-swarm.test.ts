import * as mageflow from 'mageflow';
import { eventually, Fixture, Gauge } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';

describe('creating a swarm', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const { mage } = fixture;
  const gauge = new Gauge();

  // Ends only when this many run together: a swarm that ran them one after another would hang.
  const together = (name: string, count: number) =>
    mage.task({
      name,
      fn: () =>
        gauge.during(async () => {
          await eventually(`${count} run together`, () => gauge.max >= count);
          return { by: name };
        }),
    });
  const task1 = together('task-1', 3);
  const task2 = together('task-2', 3);
  const task3 = together('task-3', 3);
  const file = new Gauge();
  const processFile = (n: number) =>
    mage.task({
      name: `process-file-${n}`,
      fn: () =>
        file.during(async () => {
          await eventually('two run together, or two have', () => file.max >= 2);
          return { file: n };
        }),
    });
  const [processFile1, processFile2, processFile3] = [processFile(1), processFile(2), processFile(3)];

  beforeAll(async () => {
    await fixture.worker([task1, task2, task3, processFile1, processFile2, processFile3, ...taskSet.tasks]);
  });
  afterAll(() => fixture.close());

  test('runs its tasks in parallel', async () => {
    const swarm = await mageflow.swarm({ tasks: [task1, task2, task3] });
    await swarm.closeSwarm();
    expect(await swarm.run()).toEqual([{ by: 'task-1' }, { by: 'task-2' }, { by: 'task-3' }]);
    expect(gauge.max).toBe(3);
  });

  test('keeps to its concurrency and runs the success callback, not the error callback', async () => {
    const swarm = await mageflow.swarm({
      tasks: [processFile1, processFile2, processFile3],
      successCallbacks: [taskSet.callback],
      errorCallbacks: [taskSet.errorCallback],
      config: { maxConcurrency: 2 },
    });
    await swarm.runNoWait({});
    await swarm.closeSwarm();
    await taskSet.settled(swarm);
    expect(file.max).toBe(2);
    expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([
      { returnValue: [{ file: 1 }, { file: 2 }, { file: 3 }] },
    ]);
    expect(taskSet.errorCallbacks(swarm)).toEqual([]);
  });

  test('is made by the client as by the module', async () => {
    const swarm = await mage.swarm({ tasks: [taskSet.work], isSwarmClosed: true });
    const loaded = await mageflow.load(swarm.id);
    expect(loaded.kind).toBe('swarm');
    expect(await swarm.run({ label: 'x' })).toEqual([{ label: 'x', received: null }]);
  });

  test('takes task signatures, tasks and task names', async () => {
    const swarm = await mageflow.swarm({
      tasks: [await mageflow.sign(taskSet.work, { label: 'signature' }), taskSet.work, 'work'],
      isSwarmClosed: true,
    });
    expect(await swarm.run({ label: 'message' })).toEqual([
      { label: 'signature', received: null },
      { label: 'message', received: null },
      { label: 'message', received: null },
    ]);
  });

  test('runs the error callback when a failure condition is met', async () => {
    const swarm = await mage.swarm({
      tasks: [await mage.sign(taskSet.work, { fail: 'no such file' })],
      successCallbacks: [taskSet.callback],
      errorCallbacks: [taskSet.errorCallback],
      config: { stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.settled(swarm);
    expect(taskSet.errorCallbacks(swarm)).toHaveLength(1);
    expect(taskSet.callbacks(swarm)).toEqual([]);
  });

  test('is open, pending and runs nothing until run is called', async () => {
    const swarm = await mage.swarm({ tasks: [taskSet.work, taskSet.work] });
    expect(await swarm.progress()).toMatchObject({
      total: 2,
      waiting: 2,
      queued: 0,
      running: 0,
      succeeded: 0,
      failed: 0,
      cancelled: 0,
      closed: false,
      status: 'pending',
      callbacks: { pending: 0, succeeded: 0, failed: 0 },
    });
    expect(taskSet.executions(swarm)).toEqual([]);
  });

  test('may be made of nothing at all', async () => {
    const swarm = await mage.swarm();
    expect(await swarm.progress()).toMatchObject({ total: 0, closed: false, status: 'pending' });
  });
});
