import * as mageflow from 'mageflow';
import { mageContext, returnValue } from 'mageflow';
import { z } from 'zod';
import { eventually, Fixture } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';

describe('swarm callback', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const got: { swarmId: string | undefined; input: unknown; streamed: unknown[] }[] = [];
  const marked = fixture.mage.task({
    name: 'marked',
    input: z.object({ title: z.string(), rows: returnValue(z.array(z.object({ label: z.string() }))) }),
    fn: async (input) => {
      const streamed: unknown[] = [];
      for await (const output of mageContext()?.results ?? []) streamed.push(output);
      got.push({ swarmId: mageContext()?.swarmId, input, streamed });
      return { rows: input.rows.length };
    },
  });

  beforeAll(async () => {
    await fixture.worker([...taskSet.tasks, marked]);
  });
  afterAll(() => fixture.close());

  test('gets the list of all results in the order of adding, whatever the order of ending', async () => {
    const tasks = ['a', 'b', 'c'].map((label) => mageflow.sign(taskSet.work, { label, waitFor: `list-${label}` }));
    const swarm = await mageflow.swarm({
      tasks: await Promise.all(tasks),
      successCallbacks: [taskSet.callback],
      isSwarmClosed: true,
    });
    await swarm.runNoWait({ date: 'the message is for the items only' });
    await taskSet.started(swarm, 3);
    for (const [i, label] of ['c', 'b', 'a'].entries()) {
      taskSet.openGate(`list-${label}`);
      await eventually('it has ended', async () => (await swarm.progress()).succeeded === i + 1);
    }
    await taskSet.settled(swarm);
    expect(taskSet.callbacks(swarm).map(({ input }) => input)).toEqual([
      { returnValue: ['a', 'b', 'c'].map((label) => ({ label, received: null })) },
    ]);
  });

  test('gets it in the field that its schema marks, together with its bound data', async () => {
    const swarm = await mageflow.swarm({
      tasks: [await mageflow.sign(taskSet.work, { label: 'x' }), await mageflow.sign(taskSet.work, { label: 'y' })],
      successCallbacks: [await mageflow.sign('marked', { title: 'nightly' })],
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await taskSet.settled(swarm);
    expect(got.filter(({ swarmId }) => swarmId === swarm.id)).toEqual([
      {
        swarmId: swarm.id,
        input: { title: 'nightly', rows: [{ label: 'x' }, { label: 'y' }] },
        streamed: ['x', 'y'].map((label) => ({ label, received: null })),
      },
    ]);
  });

  test('is one of many, of which each gets the list', async () => {
    const swarm = await mageflow.swarm({
      tasks: [taskSet.work],
      successCallbacks: [taskSet.callback, await mageflow.sign(taskSet.callback, { second: true }), 'callback'],
      isSwarmClosed: true,
    });
    await swarm.runNoWait({ label: 'x' });
    await taskSet.settled(swarm);
    const list = { returnValue: [{ label: 'x', received: null }] };
    // In whatever order they ran, and the engine gives the fields of an input.
    const inputs = taskSet.callbacks(swarm).map(({ input }) => input as object);
    expect(inputs.sort((a, b) => Object.keys(a).length - Object.keys(b).length)).toEqual([
      list,
      list,
      { ...list, second: true },
    ]);
  });

  test('does not hold a slot: it runs while the swarm has ended', async () => {
    const swarm = await mageflow.swarm({
      tasks: [taskSet.work],
      successCallbacks: [await mageflow.sign(taskSet.work, { waitFor: 'callback' })],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.run({ label: 'x' });
    await taskSet.started(swarm, 2);
    expect(await swarm.progress()).toMatchObject({ total: 1, succeeded: 1, running: 0, status: 'succeeded' });
    taskSet.openGate('callback');
    await taskSet.settled(swarm);
  });
});
