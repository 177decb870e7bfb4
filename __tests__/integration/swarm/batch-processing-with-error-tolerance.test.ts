import * as mageflow from 'mageflow';
import { z } from 'zod';
import { Fixture, Gauge } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';

// A thousand runs take a while where the machine is busy.
jest.setTimeout(600_000);

const total = 1_000;

describe('batch processing with error tolerance', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  let gauge = new Gauge();
  const processRecord = fixture.mage.task({
    name: 'process-record',
    input: z.object({ recordId: z.number(), broken: z.array(z.number()) }),
    fn: ({ recordId, broken }) =>
      gauge.during(async () => {
        await Promise.resolve();
        if (broken.includes(recordId)) throw new Error(`record ${recordId} is broken`);
        return { recordId };
      }),
  });

  const batchSwarm = async () => {
    const batchTasks = await Promise.all(
      Array.from({ length: total }, (_, recordId) => mageflow.sign('process-record', { recordId })),
    );
    gauge = new Gauge();
    gauge.fill(20);
    return mageflow.swarm({
      tasks: batchTasks,
      successCallbacks: [await mageflow.sign('callback', { kind: 'completion report' })],
      errorCallbacks: [await mageflow.sign('error-callback', { kind: 'failure alert' })],
      config: { maxConcurrency: 20, stopAfterNFailures: 50 },
      isSwarmClosed: true,
    });
  };

  beforeAll(async () => {
    await fixture.worker([processRecord, ...taskSet.tasks]);
  });
  afterAll(() => fixture.close());

  test('reports completion when 49 of 1,000 records fail', async () => {
    const broken = Array.from({ length: 49 }, (_, i) => i * 20);
    const swarm = await batchSwarm();
    await swarm.runNoWait({ broken });
    await taskSet.settled(swarm);
    expect(await swarm.progress()).toMatchObject({ succeeded: 951, failed: 49, cancelled: 0, status: 'succeeded' });
    const good = Array.from({ length: total }, (_, recordId) => ({ recordId })).filter(
      ({ recordId }) => !broken.includes(recordId),
    );
    expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([
      { kind: 'completion report', returnValue: good },
    ]);
    expect(taskSet.callbacks(swarm)[0]?.context?.failures).toHaveLength(49);
    expect(taskSet.errorCallbacks(swarm)).toEqual([]);
    expect(gauge.total).toBe(total);
    expect(gauge.max).toBe(20);
  });

  test('stops at the 50th failure, alerts and cancels the rest', async () => {
    const broken = Array.from({ length: total - 100 }, (_, i) => 100 + i);
    const swarm = await batchSwarm();
    await swarm.runNoWait({ broken });
    await taskSet.settled(swarm);
    const { succeeded, failed, cancelled, callbacks: _, ...rest } = await swarm.progress();
    expect(rest).toMatchObject({ total, waiting: 0, queued: 0, running: 0, closed: true, status: 'failed' });
    // Up to 19 others held a slot when the 50th failed: those went on to their own end.
    expect(succeeded).toBe(100);
    expect(failed).toBeGreaterThanOrEqual(50);
    expect(failed).toBeLessThanOrEqual(50 + 19);
    expect(gauge.total).toBe(succeeded + failed);
    expect(cancelled).toBe(total - gauge.total);
    expect(taskSet.callbacks(swarm)).toEqual([]);
    expect(taskSet.errorCallbacks(swarm).map(({ input }) => input)).toMatchObject([
      { kind: 'failure alert', broken, error: { failureCount: failed } },
    ]);
    expect(gauge.max).toBe(20);
  });
});
