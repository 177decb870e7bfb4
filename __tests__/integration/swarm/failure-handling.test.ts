import * as mageflow from 'mageflow';
import { Fixture } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';

describe('failure handling', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const risky = (count: number, failing: readonly number[]) =>
    Promise.all(
      Array.from({ length: count }, (_, i) =>
        mageflow.sign(taskSet.work, failing.includes(i) ? { label: `${i}`, fail: `risk ${i}` } : { label: `${i}` }),
      ),
    );

  beforeAll(async () => {
    await fixture.worker(taskSet.tasks);
  });
  afterAll(() => fixture.close());

  test('stops after 3 failures and runs the error callback', async () => {
    const swarm = await mageflow.swarm({
      tasks: await risky(10, [1, 3, 4, 6, 8]),
      successCallbacks: [taskSet.callback],
      errorCallbacks: [taskSet.errorCallback],
      config: { stopAfterNFailures: 3, maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({ batch: 7 });
    await taskSet.settled(swarm);
    expect(taskSet.labels(swarm)).toEqual(['0', '1', '2', '3', '4']);
    expect(await swarm.progress()).toMatchObject({ succeeded: 2, failed: 3, cancelled: 5, status: 'failed' });
    expect(taskSet.callbacks(swarm)).toEqual([]);
    const ids = await Promise.all(
      [1, 3, 4].map(async (index) => ({
        id: taskSet.executions(swarm)[index]?.context?.signatureId,
        name: 'work',
        index,
        message: `risk ${index}`,
      })),
    );
    expect(taskSet.errorCallbacks(swarm).map(({ input }) => input)).toEqual([
      { batch: 7, error: { message: expect.stringContaining('3') as unknown, failureCount: 3, failures: ids } },
    ]);
  });

  test('goes on below the limit, and runs the success callback with what succeeded', async () => {
    const swarm = await mageflow.swarm({
      tasks: await risky(5, [1, 3]),
      successCallbacks: [taskSet.callback],
      errorCallbacks: [taskSet.errorCallback],
      config: { stopAfterNFailures: 3 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.settled(swarm);
    expect(await swarm.progress()).toMatchObject({ succeeded: 3, failed: 2, cancelled: 0, status: 'succeeded' });
    expect(taskSet.errorCallbacks(swarm)).toEqual([]);
    expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([
      { returnValue: ['0', '2', '4'].map((label) => ({ label, received: null })) },
    ]);
  });

  test('goes on whatever fails without a limit, and the success callback can ask what failed', async () => {
    const swarm = await mageflow.swarm({
      tasks: await risky(8, [0, 1, 2, 3, 4, 6]),
      successCallbacks: [taskSet.callback],
      errorCallbacks: [taskSet.errorCallback],
      config: { stopAfterNFailures: null },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.settled(swarm);
    expect(taskSet.errorCallbacks(swarm)).toEqual([]);
    const [report] = taskSet.callbacks(swarm);
    expect(report?.input).toEqual({ returnValue: ['5', '7'].map((label) => ({ label, received: null })) });
    const failures = report?.context?.failures ?? [];
    expect(failures.map(({ index, name, message }) => ({ index, name, message })).sort(byIndex)).toEqual(
      [0, 1, 2, 3, 4, 6].map((index) => ({ index, name: 'work', message: `risk ${index}` })),
    );
  });
});

function byIndex(a: { index: number | undefined }, b: { index: number | undefined }): number {
  return (a.index ?? 0) - (b.index ?? 0);
}
