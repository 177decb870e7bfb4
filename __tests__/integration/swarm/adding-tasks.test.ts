import * as mageflow from 'mageflow';
import { z } from 'zod';
import { Fixture } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';

describe('adding tasks', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const printed: unknown[] = [];
  const seenWhole: unknown[] = [];
  const newTask = fixture.mage.task({
    name: 'new-task',
    input: z.object({ data: z.string() }),
    fn: (message) => {
      printed.push(message);
      return { printed: message.data };
    },
  });
  const looseTask = fixture.mage.task({
    name: 'loose-task',
    input: z.looseObject({ data: z.string() }),
    fn: (message) => {
      seenWhole.push(message);
      return { data: message.data };
    },
  });

  beforeAll(async () => {
    await fixture.worker([...taskSet.tasks, newTask, looseTask]);
  });
  afterAll(() => fixture.close());

  test('gives an added task the message it is run with, when the swarm was not run', async () => {
    const swarm = await mageflow.swarm({ tasks: [taskSet.work] });
    const added = await swarm.addTask(taskSet.work);
    await added.run({ label: 'own message' });
    expect(taskSet.executions(swarm).map(({ input }) => input)).toEqual([{ label: 'own message' }]);
    expect(await swarm.progress()).toMatchObject({ total: 2, waiting: 1, succeeded: 1, status: 'running' });
  });

  test('merges the message of the swarm and that of the task, of which the schema takes what it knows', async () => {
    const swarm = await mageflow.swarm({ tasks: [taskSet.work] });
    await swarm.runNoWait({ swarmData: 'swarm_data' });
    const added = await swarm.addTask(newTask);
    expect(await added.run({ data: 'x' })).toEqual({ printed: 'x' });
    expect(printed).toEqual([{ data: 'x' }]);
    const loose = await swarm.addTask(looseTask);
    await loose.run({ data: 'y' });
    expect(seenWhole).toEqual([{ swarmData: 'swarm_data', data: 'y' }]);
  });

  test('does not start an added task by itself, also not on a running swarm', async () => {
    const swarm = await mageflow.swarm({ tasks: [taskSet.work] });
    await swarm.runNoWait({ label: 'first' });
    const added = await swarm.addTask(taskSet.work);
    const later = await swarm.addTask(taskSet.work);
    await later.run({ label: 'later' });
    await taskSet.started(swarm, 2);
    expect(await added.status()).toBe('pending');
    expect(await swarm.progress()).toMatchObject({ waiting: 1 });
    expect(taskSet.labels(swarm).sort()).toEqual(['first', 'later']);
  });

  test('queues an added task until the swarm has a slot for it', async () => {
    const swarm = await mageflow.swarm({ tasks: [taskSet.work], config: { maxConcurrency: 1 } });
    await swarm.runNoWait({ label: 'first', waitFor: 'slot' });
    const added = await swarm.addTask(taskSet.work);
    const handle = await added.runNoWait({ label: 'added' });
    expect(await added.status()).toBe('queued');
    expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1 });
    taskSet.openGate('slot');
    expect(await handle.output).toMatchObject({ label: 'added' });
    expect(taskSet.labels(swarm)).toEqual(['first', 'added']);
  });
});
