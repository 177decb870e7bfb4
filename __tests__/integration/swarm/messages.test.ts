import { eventually } from '../../helpers/fixture';
import { openTasks, type WorkInput } from '../../helpers/task-set';

describe('messages of a swarm', () => {
  const { fixture, taskSet, mage, work } = openTasks();

  // What an item gets that is run by itself in a swarm that was run before, or was not.
  const merged = async (swarmMessage: WorkInput | undefined, own: WorkInput | undefined, bound: WorkInput) => {
    const swarm = await mage.swarm();
    if (swarmMessage) await swarm.runNoWait(swarmMessage);
    const item = await swarm.addTask(work, bound);
    await item.run(own);
    return taskSet.executions(swarm)[0]?.input;
  };

  test('are merged: the later of swarm, own message and bound data wins', async () => {
    expect(
      await merged(
        { a: 'swarm', b: 'swarm', c: 'swarm' },
        { b: 'own', c: 'own', d: 'own' },
        { c: 'bound', e: 'bound' },
      ),
    ).toEqual({ a: 'swarm', b: 'own', c: 'bound', d: 'own', e: 'bound' });
  });

  test('may lack any of them', async () => {
    expect(await merged({ a: 'swarm', c: 'swarm' }, undefined, { c: 'bound' })).toEqual({ a: 'swarm', c: 'bound' });
    expect(await merged(undefined, { b: 'own', c: 'own' }, { c: 'bound' })).toEqual({ b: 'own', c: 'bound' });
    expect(await merged(undefined, undefined, { c: 'bound' })).toEqual({ c: 'bound' });
    expect(await merged({ a: 'swarm' }, undefined, {})).toEqual({ a: 'swarm' });
    expect(await merged({}, {}, {})).toEqual({});
  });

  test('are merged for what the run of the swarm makes ready', async () => {
    const swarm = await mage.swarm({
      tasks: [await mage.sign(work, { b: 'bound', deep: { x: 1 } })],
      isSwarmClosed: true,
    });
    await swarm.run({ a: 'swarm', b: 'swarm', deep: { y: 2 } });
    expect(taskSet.executions(swarm)[0]?.input).toEqual({ a: 'swarm', b: 'bound', deep: { x: 1, y: 2 } });
  });

  test('merge objects at any depth', async () => {
    expect(
      await merged(
        { deep: { swarm: 1, both: { swarm: 1, all: 'swarm' } } },
        { deep: { own: 2, both: { own: 2, all: 'own' } } },
        { deep: { both: { bound: 3, all: 'bound' } } },
      ),
    ).toEqual({ deep: { swarm: 1, own: 2, both: { swarm: 1, own: 2, bound: 3, all: 'bound' } } });
  });

  test('replace arrays, null and everything else, in both directions', async () => {
    expect(
      await merged(
        { list: [1, 2, 3], gone: { a: 1 }, back: null, plain: { a: 1 }, other: 1, listed: { a: 1 } },
        { list: [4], gone: null, back: { b: 2 }, plain: 5, other: { c: 3 }, listed: [1] },
        {},
      ),
    ).toEqual({ list: [4], gone: null, back: { b: 2 }, plain: 5, other: { c: 3 }, listed: [1] });
  });

  test('keep what JSON can say: nested lists, empty values, any Unicode', async () => {
    const message = { list: [[], {}, [null, false, 0, '']], text: 'Zoë 🚀 \u2028 "quoted" \\ %z', 'a.b': { '': 1 } };
    expect(await merged(message, undefined, {})).toEqual(message);
  });

  test('leave each other alone: what one item gets does not reach the next', async () => {
    const swarm = await mage.swarm({ config: { maxConcurrency: 1 } });
    await swarm.runNoWait({ shared: { from: 'swarm' } });
    await (await swarm.addTask(work, { label: '1' })).run({ shared: { own: 1 } });
    await (await swarm.addTask(work, { label: '2' })).run({});
    expect(taskSet.executions(swarm).map(({ input }) => input)).toEqual([
      { label: '1', shared: { from: 'swarm', own: 1 } },
      { label: '2', shared: { from: 'swarm' } },
    ]);
  });

  test('are as they were when they were handed in, whatever is done to the object later', async () => {
    const bound = { label: 'before' };
    const message = { list: ['before'] };
    const signed = await mage.sign(work, bound);
    bound.label = 'after';
    const swarm = await mage.swarm({ tasks: [signed], isSwarmClosed: true });
    const running = swarm.run(message);
    message.list.push('after');
    await running;
    expect(taskSet.executions(swarm)[0]?.input).toEqual({ label: 'before', list: ['before'] });
  });

  test('are the whole input of the run in the engine', async () => {
    const swarm = await mage.swarm({ tasks: [await mage.sign(work, { c: 'bound' })], isSwarmClosed: true });
    await swarm.run({ a: 'swarm' });
    const input = await eventually('the engine lists the run', async () => {
      const { rows } = await fixture.hatchet.runs.list({
        additionalMetadata: { 'mageflow.swarm': swarm.id },
        includePayloads: true,
      });
      return rows?.[0]?.input;
    });
    expect(input).toMatchObject({ input: { a: 'swarm', c: 'bound' } });
  });

  test('of the swarm beyond what travels inline still reach every item whole', async () => {
    const large = 'x'.repeat(400_000);
    const swarm = await mage.swarm({
      tasks: await Promise.all([1, 2].map((n) => mage.sign(work, { label: `${n}` }))),
      isSwarmClosed: true,
    });
    await swarm.run({ large });
    expect(taskSet.executions(swarm).map(({ input }) => input['large'] === large)).toEqual([true, true]);
  });
});
