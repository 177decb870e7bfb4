import * as mageflow from 'mageflow';
import { z } from 'zod';
import { Fixture, Gauge } from '../../helpers/fixture';
import { progressOf } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

describe('dynamic task queue', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const gauge = new Gauge();
  const items: unknown[] = [];
  const initialTask = fixture.mage.task({
    name: 'initial-task',
    fn: (input: { source?: string }) => ({ from: input.source ?? '' }),
  });
  const processItem = fixture.mage.task({
    name: 'process-item',
    input: z.object({ data: z.number(), source: z.string(), step: z.string() }),
    fn: (input) =>
      gauge.during(async () => {
        items.push(input);
        await Promise.resolve();
        return { data: input.data };
      }),
  });

  beforeAll(async () => {
    await fixture.worker([initialTask, processItem, ...taskSet.tasks]);
  });
  afterAll(() => fixture.close());

  async function* dynamicDataStream(swarm: mageflow.Swarm<unknown>, length: number) {
    for (let item = 0; item < length; item++) {
      // Some come while others run, some when everything that was there has ended.
      if (item % 12 === 11) await progressOf(swarm, { queued: 0, running: 0 });
      yield item;
    }
  }

  test('starts with its first tasks, takes more while it runs, and completes when it is closed', async () => {
    const swarm = await mageflow.swarm({
      tasks: [await mageflow.sign('initial-task')],
      successCallbacks: [await mageflow.sign('callback')],
      config: { maxConcurrency: 10 },
    });
    // The first eleven come before anything is waited for: one more than may run at once.
    gauge.fill(10);
    await swarm.runNoWait({ source: 'initial message' });
    for await (const item of dynamicDataStream(swarm, 50)) {
      const newTask = await mageflow.sign('process-item', { data: item });
      expect(await swarm.addTask(newTask)).toBe(newTask);
      await newTask.runNoWait({ step: 'process message' });
    }
    await progressOf(swarm, { succeeded: 51, running: 0 });
    expect(await swarm.status()).toBe('running');
    expect(taskSet.callbacks(swarm)).toEqual([]);

    await swarm.closeSwarm();
    await taskSet.settled(swarm);
    const numbers = Array.from({ length: 50 }, (_, i) => i);
    expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([
      { returnValue: [{ from: 'initial message' }, ...numbers.map((data) => ({ data }))] },
    ]);
    expect(items).toHaveLength(50);
    expect(items).toContainEqual({ data: 7, source: 'initial message', step: 'process message' });
    expect(gauge.max).toBe(10);
  });

  test('takes tasks from a task that runs in it, until that one closes it', async () => {
    const swarm = await mageflow.swarm({ successCallbacks: [taskSet.callback], config: { maxConcurrency: 2 } });
    const feeder = await swarm.addTask(feed, { swarmId: swarm.id });
    await feeder.runNoWait();
    await taskSet.settled(swarm);
    expect(taskSet.labels(swarm).sort()).toEqual(['fed 0', 'fed 1', 'fed 2']);
    expect(taskSet.callbacks(swarm)).toHaveLength(1);
  });

  const feed = fixture.mage.task({
    name: 'feed',
    fn: async ({ swarmId }: { swarmId: string }) => {
      const swarm = await mageflow.load<mageflow.Swarm<unknown>>(swarmId);
      for (let i = 0; i < 3; i++) await (await swarm.addTask('work', { label: `fed ${i}` })).runNoWait();
      await swarm.closeSwarm();
      return { fed: 3 };
    },
  });
  beforeAll(async () => {
    await fixture.worker([feed]);
  });
});
