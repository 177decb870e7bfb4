import { openTasks, shortLease } from '../../helpers/task-set';
import { progressOf } from '../../helpers/outcomes';
import type { Swarm } from '../../../src';

const { fixture, mage, taskSet, work } = openTasks(shortLease);

/** A swarm with every kind of nested group, one that fails among them. */
async function mixed() {
  const inner = await mage.swarm({
    name: 'inner',
    tasks: [
      [work, { value: 1 }],
      [work, { value: 2 }],
    ],
    isSwarmClosed: true,
  });
  const chain = await mage.chain([work, await mage.sign(work, { value: 'last' })], { name: 'etl' });
  const bad = await mage.chain([await mage.sign(work, { fail: 'broken' }, { name: 'bad step' })], { name: 'bad' });
  const unnamed = await mage.chain([work]);
  const outer = await mage.swarm({ tasks: [inner, [work, { value: 0 }], chain, bad, unnamed], isSwarmClosed: true });
  const date = expect.any(Date) as Date;
  const ran = { startedAt: date, endedAt: date, attempts: 1 };
  const expected = [
    { index: 0, id: inner.id, name: 'inner', status: 'succeeded', output: [1, 2] },
    { index: 1, id: `${outer.id}~1`, name: 'work', status: 'succeeded', output: 0 },
    { index: 2, id: chain.id, name: 'etl', status: 'succeeded', output: 'last' },
    {
      index: 3,
      id: bad.id,
      name: 'bad',
      status: 'failed',
      error: expect.stringMatching(/"bad" failed at "bad step".*broken/) as string,
    },
    { index: 4, id: unnamed.id, name: 'chain', status: 'succeeded', output: { received: null } },
  ].map((item) => ({ ...item, ...ran }));
  return { outer, expected };
}

test('runSettled gives one entry for each nested group, with its id, name and output', async () => {
  const { outer, expected } = await mixed();
  expect(await outer.runSettled({})).toEqual(expected);
});

test('results gives nested groups as they end, the same to whoever reads later and elsewhere', async () => {
  const { outer, expected } = await mixed();
  const read = async (swarm: Swarm<unknown>) => {
    const items = [];
    for await (const item of swarm.results()) items.push(item);
    return items;
  };
  await outer.runNoWait({});
  const items = await read(outer);
  expect(items).toHaveLength(5);
  expect([...items].sort((a, b) => a.index - b.index)).toEqual(expected);
  expect(await read(outer)).toEqual(items);
  expect(await read(await fixture.another().load<Swarm<unknown>>(outer.id))).toEqual(items);
});

test('progress counts a nested group as one item', async () => {
  const inner = await mage.swarm({
    tasks: [1, 2, 3].map(() => [work, { waitFor: 'counted' }] as const),
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({ tasks: [inner, await mage.chain([work])], config: { maxConcurrency: 1 } });
  expect(await outer.progress()).toMatchObject({ total: 2, waiting: 2, queued: 0, running: 0, status: 'pending' });
  await outer.runNoWait({});
  expect(await progressOf(inner, { running: 3 })).toMatchObject({ total: 3 });
  expect(await outer.progress()).toMatchObject({ total: 2, waiting: 0, queued: 1, running: 1, status: 'running' });
  taskSet.openGate('counted');
  expect(await progressOf(outer, { succeeded: 2 })).toMatchObject({ running: 0, queued: 0, status: 'running' });
  await outer.closeSwarm();
  await progressOf(outer, { status: 'succeeded' });
});

test('a nested swarm is loaded by its own id, and by its place in the outer one', async () => {
  const inner = await mage.swarm({ name: 'inner', tasks: [[work, { value: 5 }]], isSwarmClosed: true });
  const outer = await mage.swarm({ tasks: [inner], isSwarmClosed: true });
  await outer.run({});
  for (const id of [inner.id, `${outer.id}~0`]) {
    const loaded = await fixture.another().load<Swarm<unknown>>(id);
    expect(loaded).toMatchObject({ id: inner.id, kind: 'swarm', name: 'inner' });
    expect(await loaded.status()).toBe('succeeded');
    expect(await loaded.progress()).toMatchObject({ total: 1, succeeded: 1 });
  }
});

test('the bodies of a nested group know the nearest swarm and chain above them', async () => {
  const inner = await mage.swarm({ tasks: [[work, { label: 'in the inner' }]], isSwarmClosed: true });
  const chain = await mage.chain([await mage.sign(work, { label: 'in the chain' }), inner]);
  const outer = await mage.swarm({ tasks: [work, chain], isSwarmClosed: true });
  await outer.run({});
  expect(taskSet.executions('in the chain')[0]?.context).toMatchObject({
    swarmId: outer.id,
    chainId: chain.id,
    index: 0,
  });
  expect(taskSet.executions('in the inner')[0]?.context).toMatchObject({
    swarmId: inner.id,
    chainId: chain.id,
    index: 0,
  });
});
