import * as mageflow from 'mageflow';
import { eventually, gate, Gauge } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';

const { fixture, mage, taskSet, callback, others } = openRoots();
const gauge = new Gauge();
const workerTask = mage.task({
  name: 'worker-task',
  fn: async ({ index, waitFor }: { index: number; waitFor?: string }) => {
    taskSet.record({ label: 'worker-task', index });
    await gauge.during(() => (waitFor ? held.opened : new Promise((resolve) => setTimeout(resolve, 10))));
    taskSet.record({ label: 'worker-task ended', index });
    return { index };
  },
});
const held = gate();
fixture.onRelease(held.open);
const orchestrator = mage.rootTask({
  name: 'orchestrator',
  maxConcurrency: 5,
  fn: async (message: { waitFor?: string }) => {
    for (let index = 0; index < 10; index++) {
      const signature = await mageflow.sign(workerTask);
      await signature.runNoWait({ index, ...message });
    }
    return { spawned: 10 };
  },
});
others.push(workerTask, orchestrator);

describe('how root tasks work', () => {
  test('creates an internal swarm that is named after the task, captures, limits and closes when the body returns', async () => {
    const rootSignature = await mageflow.sign(
      orchestrator,
      {},
      {
        successCallbacks: [await mage.sign(callback, { label: 'notify completion' })],
        errorCallbacks: [await mage.sign(callback, { label: 'handle failure' })],
      },
    );
    const { output } = await rootSignature.runNoWait({ waitFor: 'yes' });
    const children = await rootSignature.children();
    expect(children.name).toBe('root-swarm:orchestrator');
    // All ten are in, the body is over; five of them are at work and can't end.
    const closed = async () => {
      const progress = await children.progress();
      return progress.closed && progress.running === 5 && gauge.now === 5 ? progress : undefined;
    };
    expect(await eventually('the body has returned', closed)).toMatchObject({ total: 10, running: 5, queued: 5 });
    expect(await rootSignature.status()).toBe('running');
    expect(taskSet.executions('notify completion')).toEqual([]);
    held.open();
    expect(await output).toEqual({ spawned: 10 });
    const { input } = await taskSet.onlyExecution('notify completion', rootSignature);
    expect(input).toMatchObject({
      returnValue: { spawned: 10 },
      childResults: Array.from({ length: 10 }, (_, index) => ({ index })),
    });
    const order = taskSet.allExecutions.map(({ label }) => label);
    expect(order.filter((label) => label === 'worker-task ended')).toHaveLength(10);
    expect(order.indexOf('notify completion')).toBeGreaterThan(order.lastIndexOf('worker-task ended'));
    expect(gauge.max).toBe(5);
    expect(taskSet.executions('handle failure')).toEqual([]);
    const ended: number[] = [];
    for await (const { index, status } of children.results()) if (status === 'succeeded') ended.push(index);
    expect(ended.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
