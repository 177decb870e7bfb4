import * as mageflow from 'mageflow';
import { z } from 'zod';
import { Fixture, Gauge } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';
import { rejection } from '../../helpers/outcomes';

describe('creating a root task', () => {
  const fixture = new Fixture();
  const { mage } = fixture;
  const taskSet = new TaskSet(fixture);
  const gauge = new Gauge();
  const processItem = mage.task({
    name: 'process-item',
    input: z.object({ data: z.string() }),
    fn: ({ data }) =>
      gauge.during(async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (data.startsWith('bad')) throw new Error(`${data} is bad`);
        return { size: data.length };
      }),
  });
  const processBatch = mage.rootTask({
    name: 'process-batch',
    input: z.object({ items: z.array(z.string()) }),
    maxConcurrency: 4,
    stopAfterNFailures: 2,
    fn: async (message) => {
      for (const data of message.items) {
        const item = await mage.sign(processItem);
        await item.runNoWait({ data });
      }
      return { processed: message.items.length };
    },
  });
  const myRootTask = mage.rootTask({
    name: 'my-root-task',
    maxConcurrency: 10,
    fn: async (message: { data: string }) => {
      const child = await mageflow.sign(processItem);
      await child.runNoWait(message);
    },
  });
  const byDefault = mage.rootTask({
    name: 'by-default',
    executionTimeout: '300s',
    fn: async () => {
      for (let i = 0; i < 40; i++) await (await mage.sign(processItem)).runNoWait({ data: i < 20 ? 'bad' : 'good' });
    },
  });

  beforeAll(() => fixture.worker([...taskSet.tasks, processItem, processBatch, myRootTask, byDefault]));
  afterAll(() => fixture.close());

  const callbacks = async (label: string) => ({
    successCallbacks: [await mage.sign(taskSet.callback, { label: `${label} succeeded` })],
    errorCallbacks: [await mage.sign(taskSet.callback, { label: `${label} failed` })],
  });

  test('captures what its body publishes, under its limit', async () => {
    const root = await mage.sign(processBatch, {}, await callbacks('batch'));
    expect(root.kind).toBe('root');
    const items = Array.from({ length: 12 }, (_, i) => 'x'.repeat(i));
    gauge.fill(4);
    expect(await root.run({ items })).toEqual({ processed: 12 });
    expect(gauge.max).toBe(4);
    const { input } = await taskSet.onlyExecution('batch succeeded', root);
    expect(input).toEqual({
      label: 'batch succeeded',
      returnValue: { processed: 12 },
      childResults: items.map((_, size) => ({ size })),
    });
    expect(taskSet.executions('batch failed')).toEqual([]);
  });

  test('stops after the number of failures that it was given', async () => {
    const root = await mage.sign(processBatch, {}, await callbacks('bad batch'));
    const failed = root.run({ items: ['bad 1', 'bad 2', ...Array.from({ length: 30 }, (_, i) => `${i}`)] });
    expect(await rejection(failed)).toBeInstanceOf(mageflow.TaskFailedError);
    const { input } = await taskSet.onlyExecution('bad batch failed', root);
    expect(await root.status()).toBe('failed');
    expect(input).toMatchObject({ error: { failureCount: 2 } });
    expect((await (await root.children()).progress()).cancelled).toBeGreaterThan(0);
    expect(taskSet.executions('bad batch succeeded')).toEqual([]);
  });

  test('captures what the module-level sign made', async () => {
    const root = await mageflow.sign(myRootTask, {}, await callbacks('module'));
    await root.runNoWait({ data: 'four' });
    expect((await taskSet.onlyExecution('module succeeded', root)).input).toMatchObject({
      childResults: [{ size: 4 }],
    });
  });

  test('runs at most 30 at once by default, and goes on whatever fails', async () => {
    const root = await mage.sign(byDefault, {}, await callbacks('default'));
    gauge.fill(30);
    await root.run({});
    expect(gauge.max).toBe(30);
    const { input, context } = await taskSet.onlyExecution('default succeeded', root);
    expect(input['childResults']).toHaveLength(20);
    expect(context?.failures).toHaveLength(20);
  });
});
