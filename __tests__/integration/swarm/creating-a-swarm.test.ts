import * as mageflow from 'mageflow';
import { eventually, Fixture, Gauge } from '../../helpers/fixture';
import { Workshop } from '../../helpers/workshop';

describe('creating a swarm', () => {
  const fixture = new Fixture();
  const workshop = new Workshop(fixture);
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
    await fixture.worker([task1, task2, task3, processFile1, processFile2, processFile3, ...workshop.tasks]);
  });
  afterAll(() => fixture.close());

  it('runs its tasks in parallel', async () => {
    const swarm = await mageflow.swarm({ tasks: [task1, task2, task3] });
    await swarm.closeSwarm();
    expect(await swarm.run()).toEqual([{ by: 'task-1' }, { by: 'task-2' }, { by: 'task-3' }]);
    expect(gauge.max).toBe(3);
  });

  it('keeps to its concurrency and runs the success callback, not the error callback', async () => {
    const swarm = await mageflow.swarm({
      tasks: [processFile1, processFile2, processFile3],
      successCallbacks: [workshop.report],
      errorCallbacks: [workshop.alert],
      config: { maxConcurrency: 2 },
    });
    await swarm.runNoWait({});
    await swarm.closeSwarm();
    await workshop.settled(swarm);
    expect(file.max).toBe(2);
    expect(workshop.reports(swarm).map(({ input }) => input)).toEqual([
      { returnValue: [{ file: 1 }, { file: 2 }, { file: 3 }] },
    ]);
    expect(workshop.alerts(swarm)).toEqual([]);
  });

  it('is made by the client as by the module', async () => {
    const swarm = await mage.swarm({ tasks: [workshop.work], isSwarmClosed: true });
    const loaded = await mageflow.load(swarm.id);
    expect(loaded.kind).toBe('swarm');
    expect(await swarm.run({ label: 'x' })).toEqual([{ label: 'x', value: null }]);
  });

  it('takes task signatures, tasks and task names', async () => {
    const swarm = await mageflow.swarm({
      tasks: [await mageflow.sign(workshop.work, { label: 'signature' }), workshop.work, 'work'],
      isSwarmClosed: true,
    });
    expect(await swarm.run({ label: 'message' })).toEqual([
      { label: 'signature', value: null },
      { label: 'message', value: null },
      { label: 'message', value: null },
    ]);
  });

  it('runs the error callback when a failure condition is met', async () => {
    const swarm = await mage.swarm({
      tasks: [await mage.sign(workshop.work, { fail: 'no such file' })],
      successCallbacks: [workshop.report],
      errorCallbacks: [workshop.alert],
      config: { stopAfterNFailures: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await workshop.settled(swarm);
    expect(workshop.alerts(swarm)).toHaveLength(1);
    expect(workshop.reports(swarm)).toEqual([]);
  });

  it('is open, pending and runs nothing until it is told to', async () => {
    const swarm = await mage.swarm({ tasks: [workshop.work, workshop.work] });
    expect(await swarm.progress()).toEqual({
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
    expect(workshop.ran(swarm)).toEqual([]);
  });

  it('may be made of nothing at all', async () => {
    const swarm = await mage.swarm();
    expect(await swarm.progress()).toMatchObject({ total: 0, closed: false, status: 'pending' });
  });
});
