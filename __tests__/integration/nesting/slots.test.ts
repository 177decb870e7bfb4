import { eventually } from '../../helpers/fixture';
import { openTasks, shortLease } from '../../helpers/task-set';
import { progressOf } from '../../helpers/outcomes';

const { mage, taskSet, work } = openTasks(shortLease);

const of = (count: number, data: object) => Array.from({ length: count }, () => [work, data] as const);

test('a nested swarm takes one slot of the outer one, and its items are limited by its own', async () => {
  const inner = (n: number) =>
    mage.swarm({
      tasks: of(6, { gauge: `inner ${n}`, label: 'inner item' }),
      config: { maxConcurrency: 3 },
      isSwarmClosed: true,
    });
  const inners = await Promise.all([0, 1, 2, 3].map(inner));
  const outer = await mage.swarm({ tasks: inners, config: { maxConcurrency: 2 }, isSwarmClosed: true });
  let most = 0;
  for (const n of [0, 1, 2, 3]) taskSet.gauge(`inner ${n}`).fill(3);
  const handle = await outer.runNoWait({ waitFor: 'slots' });
  await taskSet.started('inner item', 6);
  // Two swarms of three: the others have not begun.
  expect(await outer.progress()).toMatchObject({ running: 2, queued: 2 });
  expect(await Promise.all(inners.map((one) => one.status()))).toEqual(['running', 'running', 'pending', 'pending']);
  taskSet.openGate('slots');
  await eventually('it has ended', async () => {
    const { running, status } = await outer.progress();
    most = Math.max(most, running);
    return status === 'succeeded';
  });
  expect(await handle.output).toHaveLength(4);
  // That two ran at once was seen above.
  expect(most).toBeLessThanOrEqual(2);
  expect([0, 1, 2, 3].map((n) => taskSet.gauge(`inner ${n}`).max)).toEqual([3, 3, 3, 3]);
});

test('in a swarm with one slot, a nested group holds it until all of it has ended', async () => {
  const chain = await mage.chain([
    await mage.sign(work, { gauge: 'one', label: 'chain 1' }),
    await mage.sign(work, { gauge: 'one', label: 'chain 2' }),
  ]);
  const inner = await mage.swarm({
    tasks: of(2, { gauge: 'one', label: 'swarm item' }),
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({
    tasks: [[work, { gauge: 'one', label: 'task' }], chain, inner, [work, { gauge: 'one', label: 'last task' }]],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await outer.run({});
  expect(taskSet.gauge('one')).toMatchObject({ max: 1, total: 6 });
  expect(taskSet.order('task', 'chain 1', 'chain 2', 'swarm item', 'last task')).toEqual([
    'task',
    'chain 1',
    'chain 2',
    'swarm item',
    'swarm item',
    'last task',
  ]);
});

test('a swarm in a chain runs as many at once as its own limit says', async () => {
  const inner = await mage.swarm({
    tasks: of(5, { gauge: 'in a chain', waitFor: 'in a chain', label: 'wide' }),
    isSwarmClosed: true,
  });
  const handle = await (await mage.chain([work, inner, work])).runNoWait({});
  await taskSet.started('wide', 5);
  taskSet.openGate('in a chain');
  await handle.output;
  expect(taskSet.gauge('in a chain').max).toBe(5);
});

test('an inner limit of failures fails the inner swarm, which is one failure outside', async () => {
  const failing = await mage.swarm({
    name: 'failing',
    tasks: of(10, { fail: 'no', label: 'inner failure' }),
    config: { maxConcurrency: 1, stopAfterNFailures: 3 },
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({
    tasks: [failing, [work, { value: 'fine' }]],
    config: { stopAfterNFailures: 2 },
    isSwarmClosed: true,
  });
  const [first, second] = await outer.runSettled({});
  expect(first).toMatchObject({ index: 0, id: failing.id, name: 'failing', status: 'failed' });
  expect(first?.error).toMatch(/"failing" failed: 3 of its 10 items failed, the first with: no/);
  expect(second).toMatchObject({ index: 1, status: 'succeeded', output: 'fine' });
  expect(await outer.progress()).toMatchObject({ failed: 1, succeeded: 1, status: 'succeeded' });
  expect(await failing.progress()).toMatchObject({ failed: 3, cancelled: 7, status: 'failed' });
  expect(taskSet.executions('inner failure')).toHaveLength(3);
});

test('failed items of an inner swarm without a limit are no failure outside', async () => {
  const inner = await mage.swarm({ tasks: of(3, { fail: 'no' }), isSwarmClosed: true });
  const outer = await mage.swarm({ tasks: [inner], config: { stopAfterNFailures: 1 }, isSwarmClosed: true });
  expect(await outer.run({})).toEqual([[]]);
});

test('an outer limit counts failed groups, each once', async () => {
  const failing = () => mage.chain([work, work]);
  const outer = await mage.swarm({ config: { maxConcurrency: 1, stopAfterNFailures: 2 } });
  const chains = [await failing(), await failing(), await failing()];
  await outer.addTasks(chains);
  await outer.runNoWait({ fail: 'each' });
  const progress = await progressOf(outer, { status: 'failed' });
  expect(progress).toMatchObject({ failed: 2, cancelled: 1, running: 0, closed: true });
  expect(await Promise.all(chains.map((chain) => chain.status()))).toEqual(['failed', 'failed', 'cancelled']);
});
