import { z } from 'zod';
import { returnValue } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';
import { progressOf, statusOf } from '../../helpers/outcomes';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250 });
const { mage } = fixture;
const taskSet = new TaskSet(fixture);
const { work, callback } = taskSet;
const total = mage.task({
  name: 'total',
  input: z.object({ numbers: returnValue(z.array(z.number())) }),
  fn: ({ numbers }) => numbers.reduce((sum, n) => sum + n, 0),
});

beforeAll(async () => {
  await fixture.worker([...taskSet.tasks, total]);
});
afterAll(() => fixture.close());

const returning = (value: unknown) => mage.sign(work, { value: value });
const closed = (...values: unknown[]) =>
  mage.swarm({ tasks: values.map((value) => [work, { value: value }] as const), isSwarmClosed: true });

describe('a chain in a swarm', () => {
  test('is one item, whose result is its last output', async () => {
    const chain = await mage.chain([await returning(1), work, await returning('last')], { name: 'etl' });
    const swarm = await mage.swarm({
      tasks: [await returning('a'), chain, await returning('b')],
      successCallbacks: [await mage.sign(callback, { label: 'chain in swarm' })],
      isSwarmClosed: true,
    });
    expect(await swarm.run({})).toEqual(['a', 'last', 'b']);
    expect((await taskSet.onlyExecution('chain in swarm', swarm)).input['returnValue']).toEqual(['a', 'last', 'b']);
    expect(await swarm.progress()).toMatchObject({ total: 3, succeeded: 3 });
  });

  test('gets the message of the swarm in its first step', async () => {
    const chain = await mage.chain([
      await mage.sign(work, { label: 'first of nested', own: 1 }),
      await mage.sign(work, { label: 'second of nested' }),
    ]);
    const swarm = await mage.swarm({ tasks: [chain], isSwarmClosed: true });
    await swarm.run({ date: 'today', own: 0 });
    expect(taskSet.executions('first of nested')[0]?.input).toEqual({
      label: 'first of nested',
      date: 'today',
      own: 1,
    });
    expect(Object.keys(taskSet.executions('second of nested')[0]?.input ?? {}).sort()).toEqual([
      'label',
      'returnValue',
    ]);
  });

  test('runs its own callbacks, and its failure is one failure of the swarm', async () => {
    const chain = await mage.chain([work, await mage.sign(work, { fail: 'broken' }), work], {
      name: 'inner etl',
      errorCallbacks: [await mage.sign(callback, { label: 'inner failed' })],
    });
    const good = await mage.chain([await returning('fine')], {
      successCallbacks: [await mage.sign(callback, { label: 'inner succeeded' })],
    });
    const swarm = await mage.swarm({ tasks: [chain, good], isSwarmClosed: true });
    expect(await swarm.run({})).toEqual(['fine']);
    expect((await taskSet.onlyExecution('inner failed', swarm)).input).toMatchObject({
      error: { message: 'broken', failureCount: 1 },
    });
    expect((await taskSet.onlyExecution('inner succeeded', swarm)).input).toEqual({
      label: 'inner succeeded',
      returnValue: 'fine',
    });
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1 });
  });
});

describe('a swarm in a chain', () => {
  test('hands its list on to the next step', async () => {
    const chain = await mage.chain([await closed(3, 1, 2), total, await mage.sign(work, { label: 'after the total' })]);
    expect(await chain.run({})).toEqual({ label: 'after the total', received: 6 });
  });

  test('hands its list on without what failed, in order of adding', async () => {
    const swarm = await mage.swarm({
      tasks: [await returning(1), await mage.sign(work, { fail: 'left out' }), await returning(3)],
      isSwarmClosed: true,
    });
    expect(await (await mage.chain([swarm, work])).run({})).toEqual({ received: [1, 3] });
  });

  test('gives its list as the last step, also to the success callback', async () => {
    const chain = await mage.chain([work, await closed('x', 'y')], {
      successCallbacks: [await mage.sign(callback, { label: 'list of the chain' })],
    });
    expect(await chain.run({})).toEqual(['x', 'y']);
    expect((await taskSet.onlyExecution('list of the chain', chain)).input).toEqual({
      label: 'list of the chain',
      returnValue: ['x', 'y'],
    });
  });

  test('gets the output of the step before as its message, and so do all of its items', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { label: 'fed' }], [work, { label: 'fed' }], total],
      isSwarmClosed: true,
    });
    const chain = await mage.chain([await returning([1, 2]), swarm]);
    expect(await chain.run({ only: 'the first' })).toEqual([
      { label: 'fed', received: [1, 2] },
      { label: 'fed', received: [1, 2] },
      3,
    ]);
    for (const { input } of taskSet.executions('fed')) expect(input).toEqual({ label: 'fed', returnValue: [1, 2] });
  });

  test('that is open is waited for', async () => {
    const swarm = await mage.swarm({ tasks: [[work, { value: 1, label: 'of the open' }]] });
    const chain = await mage.chain([work, swarm, await mage.sign(work, { label: 'after the open' })]);
    const handle = await chain.runNoWait({});
    await progressOf(swarm, { succeeded: 1, status: 'running' });
    const item = await swarm.addTask(work, { value: 2 });
    await item.run({});
    expect(await chain.status()).toBe('running');
    expect(taskSet.executions('after the open')).toEqual([]);
    await swarm.closeSwarm();
    expect(await handle.output).toEqual({ label: 'after the open', received: [1, 2] });
  });

  test('that is empty and closed hands on an empty list', async () => {
    const chain = await mage.chain([await closed(), total]);
    expect(await chain.run({})).toBe(0);
  });

  test('that is empty and closed later goes on then', async () => {
    const swarm = await mage.swarm();
    const chain = await mage.chain([swarm, total]);
    const handle = await chain.runNoWait({});
    await statusOf(swarm, 'running');
    await swarm.closeSwarm();
    expect(await handle.output).toBe(0);
  });
});

describe('a swarm in a swarm', () => {
  test('is one item, whose result is its list', async () => {
    const swarm = await mage.swarm({
      tasks: [await returning(0), await closed(1, 2), await closed(), await closed(3)],
      successCallbacks: [await mage.sign(callback, { label: 'list of lists' })],
      isSwarmClosed: true,
    });
    expect(await swarm.run({})).toEqual([0, [1, 2], [], [3]]);
    expect((await taskSet.onlyExecution('list of lists', swarm)).input['returnValue']).toEqual([0, [1, 2], [], [3]]);
  });

  test('that is open keeps the outer one waiting until it is closed', async () => {
    const inner = await mage.swarm({ tasks: [await returning(1)] });
    const outer = await mage.swarm({ tasks: [inner, await returning(2)], isSwarmClosed: true });
    const handle = await outer.runNoWait({});
    await progressOf(outer, { succeeded: 1, running: 1, status: 'running' });
    await progressOf(inner, { succeeded: 1, status: 'running' });
    await inner.closeSwarm();
    expect(await handle.output).toEqual([[1], 2]);
  });

  test('without keepResults gives counts', async () => {
    const inner = await mage.swarm({
      tasks: [await returning(1)],
      config: { keepResults: false },
      isSwarmClosed: true,
    });
    const outer = await mage.swarm({ tasks: [inner], isSwarmClosed: true });
    expect(await outer.run({})).toEqual([{ total: 1, succeeded: 1, failed: 0, cancelled: 0 }]);
    expect(await inner.progress()).toMatchObject({ succeeded: 1, status: 'succeeded' });
  });
});

test('a swarm in a chain in a swarm in a swarm', async () => {
  const innermost = await closed(1, 2, 3);
  const chain = await mage.chain([innermost, total, await mage.sign(work, { label: 'deep' })]);
  const middle = await mage.swarm({ tasks: [chain, await returning('beside')], isSwarmClosed: true });
  const outer = await mage.swarm({ tasks: [middle], isSwarmClosed: true });
  expect(await outer.run({})).toEqual([[{ label: 'deep', received: 6 }, 'beside']]);
  for (const group of [outer, middle, chain, innermost]) expect(await group.status()).toBe('succeeded');
});

test('a chain in a chain hands on its last output', async () => {
  const inner = await mage.chain([work, work]);
  const chain = await mage.chain([await returning(1), inner, work]);
  expect(await chain.run({})).toEqual({ received: { received: { received: 1 } } });
});

test('ten levels deep', async () => {
  let group = await mage.chain([await mage.sign(work, { label: 'leaf' })]);
  for (let level = 0; level < 9; level++) {
    group = (
      level % 2 === 0 ? await mage.swarm({ tasks: [group], isSwarmClosed: true }) : await mage.chain([group])
    ) as typeof group;
  }
  const outer = await mage.chain([group], { successCallbacks: [await mage.sign(callback, { label: 'top' })] });
  expect(await outer.run({ hello: 1 })).toEqual([[[[[{ label: 'leaf', received: null }]]]]]);
  expect(taskSet.executions('leaf')[0]?.input).toEqual({ label: 'leaf', hello: 1 });
  await taskSet.onlyExecution('top', outer);
});

test('a chain in a swarm in a root task in a swarm', async () => {
  const own = new Fixture();
  const ownPieces = new TaskSet(own);
  const { mage: m } = own;
  const root = m.rootTask({
    name: 'orchestrator',
    maxConcurrency: 2,
    fn: async () => {
      const chain = await m.chain([await m.sign(ownPieces.work, { value: 1 }), ownPieces.work]);
      const swarm = await m.swarm({ tasks: [chain, [ownPieces.work, { value: 2 }]], isSwarmClosed: true });
      await swarm.runNoWait({ label: 'message of the swarm' });
      return 'body';
    },
  });
  try {
    await own.worker([...ownPieces.tasks, root]);
    const signed = await m.sign(
      root,
      {},
      { successCallbacks: [await m.sign(ownPieces.callback, { label: 'of the root' })] },
    );
    const swarm = await m.swarm({ tasks: [signed, [ownPieces.work, { value: 'beside' }]], isSwarmClosed: true });
    expect(await swarm.run({})).toEqual(['body', 'beside']);
    const execution = await ownPieces.onlyExecution('of the root', swarm);
    expect(execution.input).toEqual({
      label: 'of the root',
      returnValue: 'body',
      childResults: [[{ received: 1 }, 2]],
    });
    const [first] = ownPieces.executions('message of the swarm');
    expect(first?.context).toMatchObject({ rootId: signed.id, index: expect.any(Number) as number });
  } finally {
    await own.close();
  }
});
