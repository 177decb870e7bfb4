import * as mageflow from 'mageflow';
import { SwarmClosedError } from 'mageflow';
import { progressOf } from '../../helpers/outcomes';
import { openTasks } from '../../helpers/task-set';

describe('closing a swarm', () => {
  const { taskSet } = openTasks();

  test('runs the completion callbacks when the tasks that were there have completed', async () => {
    const swarm = await mageflow.swarm({ tasks: [taskSet.work, taskSet.work], successCallbacks: [taskSet.callback] });
    await swarm.runNoWait({ waitFor: 'closing' });
    await taskSet.started(swarm, 2);
    await swarm.closeSwarm();
    expect(await swarm.progress()).toMatchObject({ closed: true, running: 2, status: 'running' });
    expect(taskSet.callbacks(swarm)).toEqual([]);
    taskSet.openGate('closing');
    await taskSet.settled(swarm);
    expect(taskSet.callbacks(swarm)).toHaveLength(1);
  });

  test('runs them at once when everything had completed before', async () => {
    const swarm = await mageflow.swarm({ tasks: [taskSet.work], successCallbacks: [taskSet.callback] });
    await swarm.runNoWait({});
    await progressOf(swarm, { succeeded: 1 });
    expect(await swarm.status()).toBe('running');
    await swarm.closeSwarm();
    expect(await swarm.status()).toBe('succeeded');
    await taskSet.settled(swarm);
    expect(taskSet.callbacks(swarm)).toHaveLength(1);
  });

  test('accepts no new tasks afterwards', async () => {
    const swarm = await mageflow.swarm({ tasks: [taskSet.work] });
    await swarm.closeSwarm();
    await expect(swarm.addTask(taskSet.work)).rejects.toThrow(SwarmClosedError);
    await expect(swarm.addTasks([taskSet.work, taskSet.work], { run: true })).rejects.toThrow(SwarmClosedError);
    expect(await swarm.progress()).toMatchObject({ total: 1, status: 'pending' });
  });

  test('can be done when the swarm is made', async () => {
    const swarm = await mageflow.swarm({
      tasks: [taskSet.work],
      successCallbacks: [taskSet.callback],
      isSwarmClosed: true,
    });
    expect(await swarm.progress()).toMatchObject({ closed: true, status: 'pending' });
    await expect(swarm.addTask(taskSet.work)).rejects.toThrow(SwarmClosedError);
    expect(await swarm.run({ label: 'only' })).toEqual([{ label: 'only', received: null }]);
    await taskSet.settled(swarm);
    expect(taskSet.callbacks(swarm)).toHaveLength(1);
  });
});
