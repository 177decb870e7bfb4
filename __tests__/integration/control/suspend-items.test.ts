import { type Swarm } from '../../../src';
import { openTasks, shortLease } from '../../helpers/task-set';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);

const labels = (label: string, items: number) => Array.from({ length: items }, (_, n) => `${label} ${n}`);

/** A closed swarm of one at a time whose items are pieces, the first of which waits at the gate of its name. */
async function oneByOne(label: string, items: number) {
  const swarm = await mage.swarm({
    name: label,
    config: { maxConcurrency: 1 },
    successCallbacks: [await mage.sign(callback, { label: `${label} done` })],
  });
  const added = [];
  for (let n = 0; n < items; n++)
    added.push(await swarm.addTask(work, { label: `${label} ${n}`, value: n, ...(n === 0 ? { waitFor: label } : {}) }));
  await swarm.closeSwarm();
  return { swarm, items: added };
}

test('when an item is suspended the others go on, and the swarm does not end before the item is resumed', async () => {
  const { swarm, items } = await oneByOne('others', 4);
  const handle = await swarm.runNoWait({});
  await taskSet.started('others 0');
  await items[1]?.suspend();
  expect(await items[1]?.status()).toBe('suspended');
  taskSet.openGate('others');
  await progressOf(swarm, { succeeded: 3, running: 0, queued: 1, status: 'running' });
  expect(await items[1]?.status()).toBe('suspended');
  expect(taskSet.executions('others done')).toEqual([]);
  await items[1]?.resume();
  expect(await handle.output).toEqual([0, 1, 2, 3]);
  expect(taskSet.order(...labels('others', 4))).toEqual(['others 0', 'others 2', 'others 3', 'others 1']);
  await taskSet.onlyExecution('others done', swarm);
});

test('an item that was suspended and resumed before its turn keeps its place', async () => {
  const { swarm, items } = await oneByOne('place', 3);
  const handle = await swarm.runNoWait({});
  await taskSet.started('place 0');
  await items[1]?.suspend();
  await items[1]?.resume();
  expect(await items[1]?.status()).toBe('queued');
  taskSet.openGate('place');
  await handle.output;
  expect(taskSet.order(...labels('place', 3))).toEqual(labels('place', 3));
});

test('items that were passed over start in their old order when the whole swarm is resumed', async () => {
  const { swarm, items } = await oneByOne('passed', 5);
  const handle = await swarm.runNoWait({});
  await taskSet.started('passed 0');
  for (const n of [1, 2, 3]) await items[n]?.suspend();
  taskSet.openGate('passed');
  await progressOf(swarm, { succeeded: 2, running: 0, queued: 3 });
  await swarm.resume();
  expect(await handle.output).toEqual([0, 1, 2, 3, 4]);
  expect(taskSet.order(...labels('passed', 5))).toEqual(['passed 0', 'passed 4', 'passed 1', 'passed 2', 'passed 3']);
});

test('an item that is suspended before its swarm is run is left out until it is resumed, from another instance', async () => {
  const { swarm, items } = await oneByOne('ahead', 2);
  taskSet.openGate('ahead');
  const [first] = items;
  await first?.suspend();
  expect(await first?.status()).toBe('suspended');
  const handle = await swarm.runNoWait({});
  await progressOf(swarm, { succeeded: 1, queued: 1, running: 0 });
  await (await fixture.another().load(first?.id ?? '')).resume();
  expect(await handle.output).toEqual([0, 1]);
  expect(taskSet.order(...labels('ahead', 2))).toEqual(['ahead 1', 'ahead 0']);
});

test('an item that is run by itself while it is suspended waits', async () => {
  const swarm = await mage.swarm({});
  const item = await swarm.addTask(work, { label: 'run while suspended', value: 1 });
  await item.suspend();
  const handle = await item.runNoWait({});
  expect(await item.status()).toBe('suspended');
  expect(await swarm.progress()).toMatchObject({ queued: 1, running: 0, status: 'running' });
  await item.resume();
  expect(await handle.output).toBe(1);
  await swarm.cancel();
});

test('an item that is suspended while it runs finishes, and its own callbacks wait while the swarm ends', async () => {
  const own = await mage.sign(callback, { label: 'own' });
  const swarm = await mage.swarm({
    successCallbacks: [await mage.sign(callback, { label: 'swarm of own' })],
    config: { maxConcurrency: 1 },
  });
  const item = await swarm.addTask(
    work,
    { label: 'running', waitFor: 'running', value: 1 },
    { successCallbacks: [own] },
  );
  await swarm.addTask(work, { value: 2 });
  await swarm.closeSwarm();
  const handle = await swarm.runNoWait({});
  await taskSet.started('running');
  await item.suspend();
  expect(await item.status()).toBe('suspended');
  expect(await swarm.progress()).toMatchObject({ running: 1, queued: 1, status: 'running' });
  taskSet.openGate('running');
  expect(await handle.output).toEqual([1, 2]);
  await taskSet.started('swarm of own');
  expect([await item.status(), await own.status(), taskSet.executions('own')]).toEqual(['succeeded', 'suspended', []]);
  await item.resume();
  await taskSet.onlyExecution('own', swarm);
});

test('an item that has ended can be neither suspended nor resumed', async () => {
  const swarm = await mage.swarm({ tasks: [[work, { value: 1 }]] });

  const other = await swarm.addTask(work, { label: 'ended item' });
  await other.run({});
  await other.suspend();
  expect(await other.status()).toBe('succeeded');
  await other.resume();
  expect([await other.status(), taskSet.executions('ended item').length]).toEqual(['succeeded', 1]);
  await swarm.cancel();
});

describe('words on an item and on its whole swarm', () => {
  test('resume of the swarm after suspend of the item lets the item go on', async () => {
    const { swarm, items } = await oneByOne('whole after', 2);
    await items[1]?.suspend();
    await swarm.suspend();
    const handle = await swarm.runNoWait({});
    taskSet.openGate('whole after');
    await swarm.resume();
    expect(await handle.output).toEqual([0, 1]);
  });

  test('resume of an item in a suspended swarm does not start it', async () => {
    const { swarm, items } = await oneByOne('item in suspended', 2);
    taskSet.openGate('item in suspended');
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
    taskSet.openGate('item after');
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
  async function outerOf(label: string) {
    const last: string = `${label} last`;
    const inner = await mage.swarm({
      name: `${label} inner`,
      tasks: [1, 2].map((n) => [work, { label: `${label} inner`, value: n, waitFor: `${label} inner` }] as const),
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const outer = await mage.swarm({
      name: `${label} outer`,
      tasks: [[work, { label, waitFor: label, value: 0 }], inner, [work, { label: last, value: 3 }]],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    return { inner, outer };
  }

  test('is passed over while it is suspended and waits for its slot', async () => {
    const { inner, outer } = await outerOf('passed inner');
    const handle = await outer.runNoWait({});
    await taskSet.started('passed inner');
    await inner.suspend();
    taskSet.openGate('passed inner');
    await progressOf(outer, { succeeded: 2, queued: 1, running: 0, status: 'running' });
    expect([await inner.status(), taskSet.executions('passed inner inner')]).toEqual(['suspended', []]);
    taskSet.openGate('passed inner inner');
    await (await fixture.another().load<Swarm<unknown>>(inner.id)).resume();
    expect(await handle.output).toEqual([0, [1, 2], 3]);
  });

  test('keeps its slot when it is suspended while it runs, and the outer one waits for it', async () => {
    const { inner, outer } = await outerOf('running inner');
    taskSet.openGate('running inner');
    const handle = await outer.runNoWait({});
    await taskSet.started('running inner inner');
    await inner.suspend();
    expect([await inner.status(), await outer.status()]).toEqual(['suspended', 'running']);
    taskSet.openGate('running inner inner');
    await progressOf(inner, { succeeded: 1, queued: 1, running: 0 });
    expect(await outer.progress()).toMatchObject({ succeeded: 1, running: 1, queued: 1 });
    await inner.resume();
    expect(await handle.output).toEqual([0, [1, 2], 3]);
    expect(taskSet.executions('running inner inner')).toHaveLength(2);
  });

  test('can be cancelled while it is suspended, and the outer one goes on', async () => {
    const { inner, outer } = await outerOf('cancelled inner');
    const handle = await outer.runNoWait({});
    await taskSet.started('cancelled inner');
    await inner.suspend();
    taskSet.openGate('cancelled inner');
    await progressOf(outer, { succeeded: 2, queued: 1, running: 0 });
    await inner.cancel();
    expect(await handle.output).toEqual([0, 3]);
    expect(await outer.progress()).toMatchObject({ succeeded: 2, cancelled: 1 });
    expect([await inner.status(), taskSet.executions('cancelled inner inner')]).toEqual(['cancelled', []]);
  });

  test('is put in there suspended, and is passed over', async () => {
    const inner = await mage.swarm({ tasks: [[work, { label: 'put in inner', value: 1 }]], isSwarmClosed: true });
    await inner.suspend();
    const outer = await mage.swarm({
      tasks: [inner, [work, { value: 2 }]],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const handle = await outer.runNoWait({});
    await progressOf(outer, { succeeded: 1, queued: 1, running: 0 });
    expect([await inner.status(), taskSet.executions('put in inner')]).toEqual(['suspended', []]);
    await inner.resume();
    expect(await handle.output).toEqual([[1], 2]);
  });
});

describe('a chain that is an item', () => {
  test('is passed over while it waits', async () => {
    const chain = await mage.chain([
      await mage.sign(work, { label: 'chain item', value: 1 }),
      await mage.sign(work, { label: 'chain item', value: 2 }),
    ]);
    const swarm = await mage.swarm({
      tasks: [chain, [work, { value: 3 }]],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await chain.suspend();
    const handle = await swarm.runNoWait({});
    await progressOf(swarm, { succeeded: 1, queued: 1, running: 0 });
    expect([await chain.status(), taskSet.executions('chain item')]).toEqual(['suspended', []]);
    await chain.resume();
    expect(await handle.output).toEqual([2, 3]);
    expect(taskSet.executions('chain item')).toHaveLength(2);
  });

  test('goes no further while it runs', async () => {
    const last = await mage.sign(work, { label: 'chain last' });
    const chain = await mage.chain([
      await mage.sign(work, { label: 'chain first', waitFor: 'chain first', value: 1 }),
      last,
    ]);
    const swarm = await mage.swarm({ tasks: [chain], isSwarmClosed: true });
    const handle = await swarm.runNoWait({});
    await taskSet.started('chain first');
    await chain.suspend();
    taskSet.openGate('chain first');
    await statusOf(last, 'suspended');
    expect(await chain.status()).toBe('suspended');
    await chain.resume();
    expect(await handle.output).toEqual([{ label: 'chain last', received: 1 }]);
  });
});

test('a suspended signature that is put into a swarm is suspended there', async () => {
  const done = await mage.sign(callback, { label: 'put in done' });
  const item = await mage.sign(work, { label: 'put in', value: 1 }, { successCallbacks: [done] });
  const other = await mage.sign(work, { label: 'put in late', value: 2 });
  const resumed = await mage.sign(work, { label: 'put in resumed', value: 3 });
  for (const one of [item, other, resumed]) await one.suspend();
  await resumed.resume();
  const swarm = await mage.swarm({ tasks: [item, resumed] });
  const handle = await swarm.runNoWait({});
  await swarm.addTasks([other, [work, { value: 4 }]], { run: true });
  await swarm.closeSwarm();
  await progressOf(swarm, { succeeded: 2, queued: 2, running: 0 });
  expect([await item.status(), await other.status()]).toEqual(['suspended', 'suspended']);
  await (await fixture.another().load(item.id)).resume();
  await other.resume();
  expect(await handle.output).toEqual([1, 3, 2, 4]);
  for (const label of ['put in', 'put in done', 'put in late', 'put in resumed'])
    await taskSet.onlyExecution(label, swarm);
});

test('cancel of a suspended item ends it, and the swarm goes on without it', async () => {
  const alert = await mage.sign(callback, { label: 'cancelled item told' });
  const swarm = await mage.swarm({ tasks: [[work, { value: 1 }]] });
  const item = await swarm.addTask(work, { label: 'cancelled item' }, { errorCallbacks: [alert] });
  await swarm.closeSwarm();
  await item.suspend();
  const handle = await swarm.runNoWait({});
  await progressOf(swarm, { succeeded: 1, queued: 1, running: 0 });
  await item.cancel();
  expect(await handle.output).toEqual([1]);
  expect(await item.status()).toBe('cancelled');
  await taskSet.onlyExecution('cancelled item told', swarm);
  expect(taskSet.executions('cancelled item')).toEqual([]);
});

test('cancel of a suspended item that runs lets its error callbacks go', async () => {
  const alert = await mage.sign(callback, { label: 'cancelled running told' });
  const swarm = await mage.swarm({});
  const item = await swarm.addTask(
    work,
    { label: 'cancelled running', untilCancelled: true },
    { errorCallbacks: [alert] },
  );
  const handle = await item.runNoWait({});
  await taskSet.started('cancelled running');
  await item.suspend();
  await item.cancel();
  expect((await rejection(handle.output)).name).toBe('CancelledError');
  await swarm.closeSwarm();
  await taskSet.onlyExecution('cancelled running told', swarm);
});

test('cancel of an ended item lets the callbacks go that were held back', async () => {
  const done = await mage.sign(callback, { label: 'held done' });
  const swarm = await mage.swarm({});
  const item = await swarm.addTask(work, { label: 'held', waitFor: 'held', value: 1 }, { successCallbacks: [done] });
  const handle = await item.runNoWait({});
  await taskSet.started('held');
  await item.suspend();
  taskSet.openGate('held');
  expect(await handle.output).toBe(1);
  await statusOf(done, 'suspended');
  await item.cancel();
  expect(await item.status()).toBe('succeeded');
  await swarm.closeSwarm();
  await taskSet.onlyExecution('held done', swarm);
});
