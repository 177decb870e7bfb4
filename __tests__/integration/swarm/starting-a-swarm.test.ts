import * as mageflow from 'mageflow';
import { progressOf } from '../../helpers/outcomes';
import { openTasks } from '../../helpers/task-set';

describe('starting a swarm', () => {
  const { taskSet } = openTasks();

  test('starts tasks up to the limit, queues the rest, starts them as others end, and then runs the callbacks', async () => {
    const signed = ['a', 'b', 'c', 'd', 'e'].map((label) =>
      mageflow.sign(taskSet.work, { label, waitFor: `start-${label}` }),
    );
    const swarm = await mageflow.swarm({
      tasks: await Promise.all(signed),
      successCallbacks: [taskSet.callback],
      config: { maxConcurrency: 2 },
    });
    await swarm.runNoWait({ date: '2026-11-22' });
    await taskSet.started(swarm, 2);
    expect(await swarm.progress()).toMatchObject({ running: 2, queued: 3, waiting: 0, status: 'running' });
    expect(taskSet.labels(swarm).sort()).toEqual(['a', 'b']);

    taskSet.openGate('start-b');
    await taskSet.started(swarm, 3);
    expect(taskSet.labels(swarm).at(-1)).toBe('c');
    expect(await swarm.progress()).toMatchObject({ running: 2, queued: 2, succeeded: 1 });

    for (const label of ['a', 'c', 'd', 'e']) taskSet.openGate(`start-${label}`);
    await progressOf(swarm, { succeeded: 5 });
    expect(await swarm.status()).toBe('running');
    expect(taskSet.callbacks(swarm)).toEqual([]);

    await swarm.closeSwarm();
    await taskSet.settled(swarm);
    expect(taskSet.callbacks(swarm)).toHaveLength(1);
    expect(await swarm.status()).toBe('succeeded');
  });

  test('gives its message to all of its tasks', async () => {
    const swarm = await mageflow.swarm({ tasks: [taskSet.work, taskSet.work, taskSet.work], isSwarmClosed: true });
    await swarm.run({ label: 'for all', date: '2026-11-22' });
    expect(taskSet.executions(swarm).map(({ input }) => input)).toEqual(
      Array.from({ length: 3 }, () => ({ label: 'for all', date: '2026-11-22' })),
    );
  });

  test('runs 30 at once when nothing else is configured', async () => {
    const swarm = await mageflow.swarm({ tasks: Array.from({ length: 33 }, () => taskSet.work), isSwarmClosed: true });
    await swarm.runNoWait({ waitFor: 'thirty' });
    await taskSet.started(swarm, 30);
    expect(await swarm.progress()).toMatchObject({ running: 30, queued: 3 });
    taskSet.openGate('thirty');
    await progressOf(swarm, { status: 'succeeded', succeeded: 33 });
  });
});
