import { AlreadyStartedError, ConfigurationError, SwarmClosedError } from '../../../src';
import { openTasks, shortLease } from '../../helpers/task-set';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { mage, taskSet, work } = openTasks(shortLease);

test('a nested swarm is run by itself with a message of its own, merged with that of the outer one', async () => {
  const inner = await mage.swarm({
    tasks: [[work, { label: 'merged', bound: 1, options: { c: 3 } }]],
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({ tasks: [inner], config: { maxConcurrency: 1 } });
  await (await outer.addTask(work, { waitFor: 'merging' })).runNoWait({});
  const handle = await inner.runNoWait({ from: 'inner', bound: 0, options: { b: 2, a: 0 } });
  await outer.runNoWait({ from: 'outer', date: 'today', options: { a: 1, d: 4 } });
  taskSet.openGate('merging');
  await handle.output;
  expect(taskSet.executions('merged')[0]?.input).toEqual({
    label: 'merged',
    from: 'inner',
    date: 'today',
    bound: 1,
    options: { a: 0, b: 2, c: 3, d: 4 },
  });
});

test('run on a nested swarm gives its list, and makes only it ready in the outer one', async () => {
  const inner = await mage.swarm({ tasks: [[work, { value: 1 }]], isSwarmClosed: true });
  const outer = await mage.swarm({ tasks: [work, inner, work] });
  expect(await inner.run({})).toEqual([1]);
  expect(await outer.progress()).toMatchObject({ waiting: 2, succeeded: 1, status: 'running' });
  await outer.closeSwarm();
  await statusOf(outer, 'succeeded');
});

test('runSettled on a nested swarm gives its items', async () => {
  const inner = await mage.swarm({
    tasks: [
      [work, { value: 1 }],
      [work, { fail: 'no' }],
    ],
    isSwarmClosed: true,
  });
  await mage.swarm({ tasks: [inner] });
  expect(await inner.runSettled({})).toMatchObject([
    { index: 0, status: 'succeeded', output: 1 },
    { index: 1, status: 'failed', error: 'no' },
  ]);
});

test('a nested swarm that is run waits for its slot like any item', async () => {
  const inner = await mage.swarm({ tasks: [[work, { label: 'waits for a slot' }]], isSwarmClosed: true });
  const outer = await mage.swarm({ config: { maxConcurrency: 1 } });
  await (await outer.addTask(work, { waitFor: 'slot' })).runNoWait({});
  await outer.addTask(inner);
  const handle = await inner.runNoWait({});
  await progressOf(outer, { running: 1, queued: 1 });
  expect(taskSet.executions('waits for a slot')).toEqual([]);
  taskSet.openGate('slot');
  await handle.output;
});

test('a nested swarm runs once', async () => {
  const inner = await mage.swarm({ tasks: [work], isSwarmClosed: true, name: 'inner' });
  const outer = await mage.swarm({ tasks: [inner], isSwarmClosed: true });
  await inner.run({});
  const error = await rejection(inner.run({}));
  expect(error).toBeInstanceOf(AlreadyStartedError);
  expect(error.message).toContain('inner');
  await statusOf(outer, 'succeeded');
  const second = await mage.swarm({ tasks: [work], isSwarmClosed: true });
  await (await mage.swarm({ tasks: [second], isSwarmClosed: true })).run({});
  expect(await rejection(second.run({}))).toBeInstanceOf(AlreadyStartedError);
});

test('a swarm that is a step is run by its chain, never by itself', async () => {
  const step = await mage.swarm({ tasks: [[work, { label: 'swarm step' }]], name: 'step', isSwarmClosed: true });
  const chain = await mage.chain([step], { name: 'etl' });
  for (const run of [() => step.run({}), () => step.runNoWait({}), () => step.runSettled({})])
    expect(await rejection(run())).toBeInstanceOf(ConfigurationError);
  await chain.run({});
  expect(taskSet.executions('swarm step')).toHaveLength(1);
});

test('an item of a nested swarm that is run starts when the nested swarm does', async () => {
  const inner = await mage.swarm();
  const item = await inner.addTask(work, { label: 'item of nested', bound: 1 });
  const outer = await mage.swarm({ tasks: [inner] });
  const handle = await item.runNoWait({ own: true });
  expect(await item.status()).toBe('queued');
  expect(await inner.progress()).toMatchObject({ total: 1, waiting: 0, queued: 1 });
  expect(taskSet.executions('item of nested')).toEqual([]);
  await outer.runNoWait({ from: 'outer' });
  await handle.output;
  expect(taskSet.executions('item of nested')[0]?.input).toEqual({
    label: 'item of nested',
    own: true,
    bound: 1,
    from: 'outer',
  });
  await inner.closeSwarm();
  await outer.closeSwarm();
  await statusOf(outer, 'succeeded');
  expect(taskSet.executions('item of nested')).toHaveLength(1);
});

test('items are added to a nested swarm before it starts and while it runs', async () => {
  const inner = await mage.swarm();
  const outer = await mage.swarm({ tasks: [inner, [work, { value: 'beside' }]], isSwarmClosed: true });
  await inner.addTask(work, { value: 1 });
  expect(
    await inner.addTasks([
      [work, { value: 2 }],
      [work, { value: 3 }],
    ]),
  ).toBe(2);
  const handle = await outer.runNoWait({ sent: 'with the outer' });
  await progressOf(inner, { succeeded: 3, status: 'running' });
  const late = await inner.addTask(work, { label: 'late', value: 4 });
  expect(await late.status()).toBe('pending');
  await late.runNoWait({ own: 1 });
  await inner.addTasks([[work, { value: 5 }]], { run: true });
  await inner.addTask(work, { value: 6 });
  await inner.closeSwarm();
  expect(await handle.output).toEqual([[1, 2, 3, 4, 5, 6], 'beside']);
  expect(taskSet.executions('late')[0]?.input).toMatchObject({ own: 1, sent: 'with the outer' });
});

test('a nested swarm that is closed before it starts takes nothing more, and does not start by it', async () => {
  const inner = await mage.swarm({ tasks: [[work, { label: 'closed early' }]] });
  const outer = await mage.swarm({ tasks: [inner] });
  await inner.closeSwarm();
  expect(await rejection(inner.addTask(work))).toBeInstanceOf(SwarmClosedError);
  expect([await inner.status(), await outer.status()]).toEqual(['pending', 'pending']);
  expect(taskSet.executions('closed early')).toEqual([]);
  await outer.runNoWait({});
  await statusOf(inner, 'succeeded');
});

test('closing an outer swarm that runs makes its nested groups ready, and closes none of them', async () => {
  const inner = await mage.swarm({ tasks: [[work, { value: 1 }]] });
  const chain = await mage.chain([work]);
  const outer = await mage.swarm();
  await (await outer.addTask(work)).run({});
  await outer.addTasks([inner, chain]);
  await outer.closeSwarm();
  await progressOf(inner, { succeeded: 1, closed: false, status: 'running' });
  await statusOf(chain, 'succeeded');
  await inner.addTask(work, { value: 2 });
  await inner.closeSwarm();
  await statusOf(outer, 'succeeded');
});

test('a chain in a swarm gets its own message and that of the swarm', async () => {
  const chain = await mage.chain([await mage.sign(work, { label: 'own message' }), work]);
  const outer = await mage.swarm({ tasks: [[work, { waitFor: 'chain waits' }], chain], config: { maxConcurrency: 1 } });
  await outer.runNoWait({ from: 'outer', a: 1 });
  const late = await mage.chain([await mage.sign(work, { label: 'late chain' })]);
  await outer.addTask(late);
  const handle = await late.runNoWait({ from: 'chain' });
  taskSet.openGate('chain waits');
  await handle.output;
  expect(taskSet.executions('late chain')[0]?.input).toMatchObject({ from: 'chain', a: 1 });
  expect(taskSet.executions('own message')[0]?.input).toEqual({ label: 'own message', from: 'outer', a: 1 });
  expect(await rejection(late.run({}))).toBeInstanceOf(AlreadyStartedError);
  await outer.closeSwarm();
});
