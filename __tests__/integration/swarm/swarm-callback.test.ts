import * as mageflow from 'mageflow';
import { mageContext, returnValue } from 'mageflow';
import { z } from 'zod';
import { eventually, Fixture } from '../../helpers/fixture';
import { Workshop } from '../../helpers/workshop';

describe('swarm callback', () => {
  const fixture = new Fixture();
  const workshop = new Workshop(fixture);
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
    await fixture.worker([...workshop.tasks, marked]);
  });
  afterAll(() => fixture.close());

  it('gets the list of all results in the order of adding, whatever the order of ending', async () => {
    const tasks = ['a', 'b', 'c'].map((label) => mageflow.sign(workshop.work, { label, hold: `list-${label}` }));
    const swarm = await mageflow.swarm({
      tasks: await Promise.all(tasks),
      successCallbacks: [workshop.report],
      isSwarmClosed: true,
    });
    await swarm.runNoWait({ date: 'the message is for the items only' });
    await workshop.begun(swarm, 3);
    for (const [i, label] of ['c', 'b', 'a'].entries()) {
      workshop.open(`list-${label}`);
      await eventually('it has ended', async () => (await swarm.progress()).succeeded === i + 1);
    }
    await workshop.settled(swarm);
    expect(workshop.reports(swarm).map(({ input }) => input)).toEqual([
      { returnValue: ['a', 'b', 'c'].map((label) => ({ label, value: null })) },
    ]);
  });

  it('gets it in the field that its schema marks, beside its bound data', async () => {
    const swarm = await mageflow.swarm({
      tasks: [await mageflow.sign(workshop.work, { label: 'x' }), await mageflow.sign(workshop.work, { label: 'y' })],
      successCallbacks: [await mageflow.sign('marked', { title: 'nightly' })],
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await workshop.settled(swarm);
    expect(got.filter(({ swarmId }) => swarmId === swarm.id)).toEqual([
      {
        swarmId: swarm.id,
        input: { title: 'nightly', rows: [{ label: 'x' }, { label: 'y' }] },
        streamed: ['x', 'y'].map((label) => ({ label, value: null })),
      },
    ]);
  });

  it('is one of many, of which each gets the list', async () => {
    const swarm = await mageflow.swarm({
      tasks: [workshop.work],
      successCallbacks: [workshop.report, await mageflow.sign(workshop.report, { second: true }), 'report'],
      isSwarmClosed: true,
    });
    await swarm.runNoWait({ label: 'x' });
    await workshop.settled(swarm);
    const list = { returnValue: [{ label: 'x', value: null }] };
    // In whatever order they ran, and the engine gives the fields of an input.
    const inputs = workshop.reports(swarm).map(({ input }) => input as object);
    expect(inputs.sort((a, b) => Object.keys(a).length - Object.keys(b).length)).toEqual([
      list,
      list,
      { ...list, second: true },
    ]);
  });

  it('does not hold a slot: it runs while the swarm has ended', async () => {
    const swarm = await mageflow.swarm({
      tasks: [workshop.work],
      successCallbacks: [await mageflow.sign(workshop.work, { hold: 'callback' })],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.run({ label: 'x' });
    await workshop.begun(swarm, 2);
    expect(await swarm.progress()).toMatchObject({ total: 1, succeeded: 1, running: 0, status: 'succeeded' });
    workshop.open('callback');
    await workshop.settled(swarm);
  });
});
