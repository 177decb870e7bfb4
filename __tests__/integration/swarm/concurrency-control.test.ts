import * as mageflow from 'mageflow';
import { z } from 'zod';
import { eventually, Fixture, Gauge, gate } from '../../helpers/fixture';
import { progressOf } from '../../helpers/outcomes';
import { TaskSet } from '../../helpers/task-set';

describe('concurrency control', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const gauge = new Gauge();
  const firstFive = gate();
  const processed: string[] = [];
  const processFile = fixture.mage.task({
    name: 'process-file',
    input: z.object({ filePath: z.string() }),
    fn: ({ filePath }) =>
      gauge.during(async () => {
        // Five are held together, so that a sixth would be seen.
        await firstFive.opened;
        processed.push(filePath);
        return { filePath };
      }),
  });

  beforeAll(async () => {
    await fixture.worker([processFile, ...taskSet.tasks]);
  });
  afterAll(() => fixture.close());

  test('processes 20 files, never more than 5 at once', async () => {
    const paths = Array.from({ length: 20 }, (_, i) => `file_${i}.txt`);
    const fileTasks = await Promise.all(paths.map((filePath) => mageflow.sign('process-file', { filePath })));
    const swarm = await mageflow.swarm({ tasks: fileTasks, config: { maxConcurrency: 5 }, isSwarmClosed: true });
    const handle = await swarm.runNoWait({});
    await eventually('five are being processed', () => gauge.now === 5);
    expect(await swarm.progress()).toMatchObject({ running: 5, queued: 15 });
    firstFive.open();
    expect(await handle.output).toEqual(paths.map((filePath) => ({ filePath })));
    expect(gauge).toMatchObject({ max: 5, now: 0, total: 20 });
    expect(processed.sort()).toEqual([...paths].sort());
  });

  test('starts the next one in the queue as each completes', async () => {
    const tasks = await Promise.all(
      Array.from({ length: 20 }, (_, i) => mageflow.sign(taskSet.work, { label: `${i}`, waitFor: `file-${i}` })),
    );
    const swarm = await mageflow.swarm({ tasks, config: { maxConcurrency: 5 }, isSwarmClosed: true });
    await swarm.runNoWait({});
    await taskSet.started(swarm, 5);
    for (let done = 1; done <= 15; done++) {
      taskSet.openGate(`file-${done}`);
      await taskSet.started(swarm, 5 + done);
      expect(taskSet.labels(swarm).at(-1)).toBe(`${4 + done}`);
      expect(await swarm.progress()).toMatchObject({ running: 5, queued: 15 - done, succeeded: done });
    }
    for (const left of [0, 16, 17, 18, 19]) taskSet.openGate(`file-${left}`);
    await progressOf(swarm, { succeeded: 20, status: 'succeeded' });
    expect(taskSet.gauge().max).toBe(5);
  });

  test('starts the next one when one fails, too', async () => {
    const tasks = await Promise.all(
      Array.from({ length: 6 }, (_, i) => mageflow.sign(taskSet.work, { label: `${i}`, fail: `broken ${i}` })),
    );
    const swarm = await mageflow.swarm({ tasks, config: { maxConcurrency: 1 }, isSwarmClosed: true });
    expect(await swarm.runSettled()).toHaveLength(6);
    expect(taskSet.labels(swarm)).toEqual(['0', '1', '2', '3', '4', '5']);
  });
});
