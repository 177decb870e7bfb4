import { openPieces } from '../../helpers/pieces';
import { progressOf } from '../../helpers/workshop';
import type { Swarm } from '../../../src';

const { fixture, mage, pieces, piece } = openPieces();

/** A swarm with every kind of nested group, one that fails among them. */
async function mixed() {
  const inner = await mage.swarm({
    name: 'inner',
    tasks: [
      [piece, { give: 1 }],
      [piece, { give: 2 }],
    ],
    isSwarmClosed: true,
  });
  const chain = await mage.chain([piece, await mage.sign(piece, { give: 'last' })], { name: 'etl' });
  const bad = await mage.chain([await mage.sign(piece, { fail: 'broken' }, { name: 'bad step' })], { name: 'bad' });
  const unnamed = await mage.chain([piece]);
  const outer = await mage.swarm({ tasks: [inner, [piece, { give: 0 }], chain, bad, unnamed], isSwarmClosed: true });
  const expected = [
    { index: 0, id: inner.id, name: 'inner', status: 'succeeded', output: [1, 2] },
    { index: 1, id: `${outer.id}~1`, name: 'piece', status: 'succeeded', output: 0 },
    { index: 2, id: chain.id, name: 'etl', status: 'succeeded', output: 'last' },
    {
      index: 3,
      id: bad.id,
      name: 'bad',
      status: 'failed',
      error: expect.stringMatching(/"bad" failed at "bad step".*broken/) as string,
    },
    { index: 4, id: unnamed.id, name: 'chain', status: 'succeeded', output: { got: null } },
  ];
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
    tasks: [1, 2, 3].map(() => [piece, { hold: 'counted' }] as const),
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({ tasks: [inner, await mage.chain([piece])], config: { maxConcurrency: 1 } });
  expect(await outer.progress()).toMatchObject({ total: 2, waiting: 2, queued: 0, running: 0, status: 'pending' });
  await outer.runNoWait({});
  expect(await progressOf(inner, { running: 3 })).toMatchObject({ total: 3 });
  expect(await outer.progress()).toMatchObject({ total: 2, waiting: 0, queued: 1, running: 1, status: 'running' });
  pieces.open('counted');
  expect(await progressOf(outer, { succeeded: 2 })).toMatchObject({ running: 0, queued: 0, status: 'running' });
  await outer.closeSwarm();
  await progressOf(outer, { status: 'succeeded' });
});

test('a nested swarm is loaded by its own id, and by its place in the outer one', async () => {
  const inner = await mage.swarm({ name: 'inner', tasks: [[piece, { give: 5 }]], isSwarmClosed: true });
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
  const inner = await mage.swarm({ tasks: [[piece, { tag: 'in the inner' }]], isSwarmClosed: true });
  const chain = await mage.chain([await mage.sign(piece, { tag: 'in the chain' }), inner]);
  const outer = await mage.swarm({ tasks: [piece, chain], isSwarmClosed: true });
  await outer.run({});
  expect(pieces.of('in the chain')[0]?.context).toMatchObject({ swarmId: outer.id, chainId: chain.id, index: 0 });
  expect(pieces.of('in the inner')[0]?.context).toMatchObject({ swarmId: inner.id, chainId: chain.id, index: 0 });
});
