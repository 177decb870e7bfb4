import { type Swarm } from '../../../src';
import { openPieces } from '../../helpers/pieces';
import { progressOf, rejection, statusOf } from '../../helpers/workshop';

const { fixture, mage, pieces, piece, note } = openPieces();

const tags = (tag: string, items: number) => Array.from({ length: items }, (_, n) => `${tag} ${n}`);

/** A closed swarm of one at a time whose items are pieces, the first of which waits at the gate of its name. */
async function oneByOne(tag: string, items: number) {
  const swarm = await mage.swarm({
    name: tag,
    config: { maxConcurrency: 1 },
    successCallbacks: [await mage.sign(note, { tag: `${tag} done` })],
  });
  const added = [];
  for (let n = 0; n < items; n++)
    added.push(await swarm.addTask(piece, { tag: `${tag} ${n}`, give: n, ...(n === 0 ? { hold: tag } : {}) }));
  await swarm.closeSwarm();
  return { swarm, items: added };
}

test('the others go on, and the swarm does not end before the item is resumed', async () => {
  const { swarm, items } = await oneByOne('others', 4);
  const handle = await swarm.runNoWait({});
  await pieces.begun('others 0');
  await items[1]?.suspend();
  expect(await items[1]?.status()).toBe('suspended');
  pieces.open('others');
  await progressOf(swarm, { succeeded: 3, running: 0, queued: 1, status: 'running' });
  expect(await items[1]?.status()).toBe('suspended');
  expect(pieces.of('others done')).toEqual([]);
  await items[1]?.resume();
  expect(await handle.output).toEqual([0, 1, 2, 3]);
  expect(pieces.order(...tags('others', 4))).toEqual(['others 0', 'others 2', 'others 3', 'others 1']);
  await pieces.only('others done', swarm);
});

test('one that was suspended and resumed before its turn keeps its place', async () => {
  const { swarm, items } = await oneByOne('place', 3);
  const handle = await swarm.runNoWait({});
  await pieces.begun('place 0');
  await items[1]?.suspend();
  await items[1]?.resume();
  expect(await items[1]?.status()).toBe('queued');
  pieces.open('place');
  await handle.output;
  expect(pieces.order(...tags('place', 3))).toEqual(tags('place', 3));
});

test('items that were passed over start in their old order when the whole swarm is resumed', async () => {
  const { swarm, items } = await oneByOne('passed', 5);
  const handle = await swarm.runNoWait({});
  await pieces.begun('passed 0');
  for (const n of [1, 2, 3]) await items[n]?.suspend();
  pieces.open('passed');
  await progressOf(swarm, { succeeded: 2, running: 0, queued: 3 });
  await swarm.resume();
  expect(await handle.output).toEqual([0, 1, 2, 3, 4]);
  expect(pieces.order(...tags('passed', 5))).toEqual(['passed 0', 'passed 4', 'passed 1', 'passed 2', 'passed 3']);
});

test('suspended before its swarm is run it is left out until it is resumed, from another instance', async () => {
  const { swarm, items } = await oneByOne('ahead', 2);
  pieces.open('ahead');
  const [first] = items;
  await first?.suspend();
  expect(await first?.status()).toBe('suspended');
  const handle = await swarm.runNoWait({});
  await progressOf(swarm, { succeeded: 1, queued: 1, running: 0 });
  await (await fixture.another().load(first?.id ?? '')).resume();
  expect(await handle.output).toEqual([0, 1]);
  expect(pieces.order(...tags('ahead', 2))).toEqual(['ahead 1', 'ahead 0']);
});

test('one that is run by itself while it is suspended waits', async () => {
  const swarm = await mage.swarm({});
  const item = await swarm.addTask(piece, { tag: 'run while suspended', give: 1 });
  await item.suspend();
  const handle = await item.runNoWait({});
  expect(await item.status()).toBe('suspended');
  expect(await swarm.progress()).toMatchObject({ queued: 1, running: 0, status: 'running' });
  await item.resume();
  expect(await handle.output).toBe(1);
  await swarm.cancel();
});

test('one that runs finishes, and its own callbacks wait while the swarm ends', async () => {
  const own = await mage.sign(note, { tag: 'own' });
  const swarm = await mage.swarm({
    successCallbacks: [await mage.sign(note, { tag: 'swarm of own' })],
    config: { maxConcurrency: 1 },
  });
  const item = await swarm.addTask(piece, { tag: 'running', hold: 'running', give: 1 }, { successCallbacks: [own] });
  await swarm.addTask(piece, { give: 2 });
  await swarm.closeSwarm();
  const handle = await swarm.runNoWait({});
  await pieces.begun('running');
  await item.suspend();
  expect(await item.status()).toBe('suspended');
  expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1, status: 'running' });
  pieces.open('running');
  expect(await handle.output).toEqual([1, 2]);
  await pieces.begun('swarm of own');
  expect([await item.status(), await own.status(), pieces.of('own')]).toEqual(['succeeded', 'suspended', []]);
  await item.resume();
  await pieces.only('own', swarm);
});

test('one that has ended can be neither suspended nor resumed', async () => {
  const swarm = await mage.swarm({ tasks: [[piece, { give: 1 }]] });

  const other = await swarm.addTask(piece, { tag: 'ended item' });
  await other.run({});
  await other.suspend();
  expect(await other.status()).toBe('succeeded');
  await other.resume();
  expect([await other.status(), pieces.of('ended item').length]).toEqual(['succeeded', 1]);
  await swarm.cancel();
});

describe('words on an item and on its whole swarm', () => {
  test('resume of the swarm after suspend of the item lets the item go on', async () => {
    const { swarm, items } = await oneByOne('whole after', 2);
    await items[1]?.suspend();
    await swarm.suspend();
    const handle = await swarm.runNoWait({});
    pieces.open('whole after');
    await swarm.resume();
    expect(await handle.output).toEqual([0, 1]);
  });

  test('resume of an item in a suspended swarm does not start it', async () => {
    const { swarm, items } = await oneByOne('item in suspended', 2);
    pieces.open('item in suspended');
    await swarm.suspend();
    const handle = await swarm.runNoWait({});
    await items[0]?.resume();
    expect(await items[0]?.status()).toBe('suspended');
    expect(await swarm.progress()).toMatchObject({ running: 0, queued: 2, status: 'suspended' });
    await swarm.resume();
    expect(await handle.output).toEqual([0, 1]);
  });

  test('suspend of an item after that of the swarm holds only while both last', async () => {
    const { swarm, items } = await oneByOne('item after', 2);
    pieces.open('item after');
    await swarm.suspend();
    await items[0]?.suspend();
    const handle = await swarm.runNoWait({});
    // The later word, which concerns all items, counts.
    await swarm.resume();
    expect(await handle.output).toEqual([0, 1]);
  });
});

describe('a swarm that sits in another one', () => {
  /** An outer swarm with room for one: a piece at the gate of this name, the inner swarm, another piece. */
  async function outerOf(tag: string) {
    const last: string = `${tag} last`;
    const inner = await mage.swarm({
      name: `${tag} inner`,
      tasks: [1, 2].map((n) => [piece, { tag: `${tag} inner`, give: n, hold: `${tag} inner` }] as const),
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const outer = await mage.swarm({
      name: `${tag} outer`,
      tasks: [[piece, { tag, hold: tag, give: 0 }], inner, [piece, { tag: last, give: 3 }]],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    return { inner, outer };
  }

  test('and waits for its slot is passed over', async () => {
    const { inner, outer } = await outerOf('passed inner');
    const handle = await outer.runNoWait({});
    await pieces.begun('passed inner');
    await inner.suspend();
    pieces.open('passed inner');
    await progressOf(outer, { succeeded: 2, queued: 1, running: 0, status: 'running' });
    expect([await inner.status(), pieces.of('passed inner inner')]).toEqual(['suspended', []]);
    pieces.open('passed inner inner');
    await (await fixture.another().load<Swarm<unknown>>(inner.id)).resume();
    expect(await handle.output).toEqual([0, [1, 2], 3]);
  });

  test('and runs keeps its slot, and the outer one waits for it', async () => {
    const { inner, outer } = await outerOf('running inner');
    pieces.open('running inner');
    const handle = await outer.runNoWait({});
    await pieces.begun('running inner inner');
    await inner.suspend();
    expect([await inner.status(), await outer.status()]).toEqual(['suspended', 'running']);
    pieces.open('running inner inner');
    await progressOf(inner, { succeeded: 1, queued: 1, running: 0 });
    expect(await outer.progress()).toMatchObject({ succeeded: 1, running: 1, queued: 1 });
    await inner.resume();
    expect(await handle.output).toEqual([0, [1, 2], 3]);
    expect(pieces.of('running inner inner')).toHaveLength(2);
  });

  test('and is suspended is cancelled, and the outer one goes on', async () => {
    const { inner, outer } = await outerOf('cancelled inner');
    const handle = await outer.runNoWait({});
    await pieces.begun('cancelled inner');
    await inner.suspend();
    pieces.open('cancelled inner');
    await progressOf(outer, { succeeded: 2, queued: 1, running: 0 });
    await inner.cancel();
    expect(await handle.output).toEqual([0, 3]);
    expect(await outer.progress()).toMatchObject({ succeeded: 2, cancelled: 1 });
    expect([await inner.status(), pieces.of('cancelled inner inner')]).toEqual(['cancelled', []]);
  });

  test('is put in there suspended, and is passed over', async () => {
    const inner = await mage.swarm({ tasks: [[piece, { tag: 'put in inner', give: 1 }]], isSwarmClosed: true });
    await inner.suspend();
    const outer = await mage.swarm({
      tasks: [inner, [piece, { give: 2 }]],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const handle = await outer.runNoWait({});
    await progressOf(outer, { succeeded: 1, queued: 1, running: 0 });
    expect([await inner.status(), pieces.of('put in inner')]).toEqual(['suspended', []]);
    await inner.resume();
    expect(await handle.output).toEqual([[1], 2]);
  });
});

describe('a chain that is an item', () => {
  test('is passed over while it waits', async () => {
    const chain = await mage.chain([
      await mage.sign(piece, { tag: 'chain item', give: 1 }),
      await mage.sign(piece, { tag: 'chain item', give: 2 }),
    ]);
    const swarm = await mage.swarm({
      tasks: [chain, [piece, { give: 3 }]],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await chain.suspend();
    const handle = await swarm.runNoWait({});
    await progressOf(swarm, { succeeded: 1, queued: 1, running: 0 });
    expect([await chain.status(), pieces.of('chain item')]).toEqual(['suspended', []]);
    await chain.resume();
    expect(await handle.output).toEqual([2, 3]);
    expect(pieces.of('chain item')).toHaveLength(2);
  });

  test('goes no further while it runs', async () => {
    const last = await mage.sign(piece, { tag: 'chain last' });
    const chain = await mage.chain([
      await mage.sign(piece, { tag: 'chain first', hold: 'chain first', give: 1 }),
      last,
    ]);
    const swarm = await mage.swarm({ tasks: [chain], isSwarmClosed: true });
    const handle = await swarm.runNoWait({});
    await pieces.begun('chain first');
    await chain.suspend();
    pieces.open('chain first');
    await statusOf(last, 'suspended');
    expect(await chain.status()).toBe('suspended');
    await chain.resume();
    expect(await handle.output).toEqual([{ tag: 'chain last', got: 1 }]);
  });
});

test('a suspended signature that is put into a swarm is suspended there', async () => {
  const done = await mage.sign(note, { tag: 'put in done' });
  const item = await mage.sign(piece, { tag: 'put in', give: 1 }, { successCallbacks: [done] });
  const other = await mage.sign(piece, { tag: 'put in late', give: 2 });
  const resumed = await mage.sign(piece, { tag: 'put in resumed', give: 3 });
  for (const one of [item, other, resumed]) await one.suspend();
  await resumed.resume();
  const swarm = await mage.swarm({ tasks: [item, resumed] });
  const handle = await swarm.runNoWait({});
  await swarm.addTasks([other, [piece, { give: 4 }]], { run: true });
  await swarm.closeSwarm();
  await progressOf(swarm, { succeeded: 2, queued: 2, running: 0 });
  expect([await item.status(), await other.status()]).toEqual(['suspended', 'suspended']);
  await (await fixture.another().load(item.id)).resume();
  await other.resume();
  expect(await handle.output).toEqual([1, 3, 2, 4]);
  for (const tag of ['put in', 'put in done', 'put in late', 'put in resumed']) await pieces.only(tag, swarm);
});

test('cancel of a suspended item ends it, and the swarm goes on without it', async () => {
  const told = await mage.sign(note, { tag: 'cancelled item told' });
  const swarm = await mage.swarm({ tasks: [[piece, { give: 1 }]] });
  const item = await swarm.addTask(piece, { tag: 'cancelled item' }, { errorCallbacks: [told] });
  await swarm.closeSwarm();
  await item.suspend();
  const handle = await swarm.runNoWait({});
  await progressOf(swarm, { succeeded: 1, queued: 1, running: 0 });
  await item.cancel();
  expect(await handle.output).toEqual([1]);
  expect(await item.status()).toBe('cancelled');
  await pieces.only('cancelled item told', swarm);
  expect(pieces.of('cancelled item')).toEqual([]);
});

test('cancel of a suspended item that runs lets its error callbacks go', async () => {
  const told = await mage.sign(note, { tag: 'cancelled running told' });
  const swarm = await mage.swarm({});
  const item = await swarm.addTask(piece, { tag: 'cancelled running', patient: true }, { errorCallbacks: [told] });
  const handle = await item.runNoWait({});
  await pieces.begun('cancelled running');
  await item.suspend();
  await item.cancel();
  expect((await rejection(handle.output)).name).toBe('CancelledError');
  await swarm.closeSwarm();
  await pieces.only('cancelled running told', swarm);
});

test('cancel of an ended item lets the callbacks go that were held back', async () => {
  const done = await mage.sign(note, { tag: 'held done' });
  const swarm = await mage.swarm({});
  const item = await swarm.addTask(piece, { tag: 'held', hold: 'held', give: 1 }, { successCallbacks: [done] });
  const handle = await item.runNoWait({});
  await pieces.begun('held');
  await item.suspend();
  pieces.open('held');
  expect(await handle.output).toBe(1);
  await statusOf(done, 'suspended');
  await item.cancel();
  expect(await item.status()).toBe('succeeded');
  await swarm.closeSwarm();
  await pieces.only('held done', swarm);
});
