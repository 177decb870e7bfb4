import { z } from 'zod';
import { returnValue } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { Pieces } from '../../helpers/pieces';
import { progressOf, statusOf } from '../../helpers/workshop';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250 });
const { mage } = fixture;
const pieces = new Pieces(fixture);
const { piece, note } = pieces;
const total = mage.task({
  name: 'total',
  input: z.object({ numbers: returnValue(z.array(z.number())) }),
  fn: ({ numbers }) => numbers.reduce((sum, n) => sum + n, 0),
});

beforeAll(async () => {
  await fixture.worker([...pieces.tasks, total]);
});
afterAll(() => fixture.close());

const give = (value: unknown) => mage.sign(piece, { give: value });
const closed = (...values: unknown[]) =>
  mage.swarm({ tasks: values.map((value) => [piece, { give: value }] as const), isSwarmClosed: true });

describe('a chain in a swarm', () => {
  test('is one item, whose result is its last output', async () => {
    const chain = await mage.chain([await give(1), piece, await give('last')], { name: 'etl' });
    const swarm = await mage.swarm({
      tasks: [await give('a'), chain, await give('b')],
      successCallbacks: [await mage.sign(note, { tag: 'chain in swarm' })],
      isSwarmClosed: true,
    });
    expect(await swarm.run({})).toEqual(['a', 'last', 'b']);
    expect((await pieces.only('chain in swarm', swarm)).input['returnValue']).toEqual(['a', 'last', 'b']);
    expect(await swarm.progress()).toMatchObject({ total: 3, succeeded: 3 });
  });

  test('gets the message of the swarm in its first step', async () => {
    const chain = await mage.chain([
      await mage.sign(piece, { tag: 'first of nested', own: 1 }),
      await mage.sign(piece, { tag: 'second of nested' }),
    ]);
    const swarm = await mage.swarm({ tasks: [chain], isSwarmClosed: true });
    await swarm.run({ date: 'today', own: 0 });
    expect(pieces.of('first of nested')[0]?.input).toEqual({ tag: 'first of nested', date: 'today', own: 1 });
    expect(Object.keys(pieces.of('second of nested')[0]?.input ?? {}).sort()).toEqual(['returnValue', 'tag']);
  });

  test('runs its own callbacks, and its failure is one failure of the swarm', async () => {
    const chain = await mage.chain([piece, await mage.sign(piece, { fail: 'broken' }), piece], {
      name: 'inner etl',
      errorCallbacks: [await mage.sign(note, { tag: 'inner failed' })],
    });
    const good = await mage.chain([await give('fine')], {
      successCallbacks: [await mage.sign(note, { tag: 'inner succeeded' })],
    });
    const swarm = await mage.swarm({ tasks: [chain, good], isSwarmClosed: true });
    expect(await swarm.run({})).toEqual(['fine']);
    expect((await pieces.only('inner failed', swarm)).input).toMatchObject({
      error: { message: 'broken', failureCount: 1 },
    });
    expect((await pieces.only('inner succeeded', swarm)).input).toEqual({
      tag: 'inner succeeded',
      returnValue: 'fine',
    });
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1 });
  });
});

describe('a swarm in a chain', () => {
  test('hands its list on to the next step', async () => {
    const chain = await mage.chain([await closed(3, 1, 2), total, await mage.sign(piece, { tag: 'after the total' })]);
    expect(await chain.run({})).toEqual({ tag: 'after the total', got: 6 });
  });

  test('hands its list on without what failed, in order of adding', async () => {
    const swarm = await mage.swarm({
      tasks: [await give(1), await mage.sign(piece, { fail: 'left out' }), await give(3)],
      isSwarmClosed: true,
    });
    expect(await (await mage.chain([swarm, piece])).run({})).toEqual({ got: [1, 3] });
  });

  test('gives its list as the last step, also to the success callback', async () => {
    const chain = await mage.chain([piece, await closed('x', 'y')], {
      successCallbacks: [await mage.sign(note, { tag: 'list of the chain' })],
    });
    expect(await chain.run({})).toEqual(['x', 'y']);
    expect((await pieces.only('list of the chain', chain)).input).toEqual({
      tag: 'list of the chain',
      returnValue: ['x', 'y'],
    });
  });

  test('gets the output of the step before as its message, and so do all of its items', async () => {
    const swarm = await mage.swarm({
      tasks: [[piece, { tag: 'fed' }], [piece, { tag: 'fed' }], total],
      isSwarmClosed: true,
    });
    const chain = await mage.chain([await give([1, 2]), swarm]);
    expect(await chain.run({ only: 'the first' })).toEqual([
      { tag: 'fed', got: [1, 2] },
      { tag: 'fed', got: [1, 2] },
      3,
    ]);
    for (const { input } of pieces.of('fed')) expect(input).toEqual({ tag: 'fed', returnValue: [1, 2] });
  });

  test('that is open is waited for', async () => {
    const swarm = await mage.swarm({ tasks: [[piece, { give: 1, tag: 'of the open' }]] });
    const chain = await mage.chain([piece, swarm, await mage.sign(piece, { tag: 'after the open' })]);
    const handle = await chain.runNoWait({});
    await progressOf(swarm, { succeeded: 1, status: 'running' });
    const item = await swarm.addTask(piece, { give: 2 });
    await item.run({});
    expect(await chain.status()).toBe('running');
    expect(pieces.of('after the open')).toEqual([]);
    await swarm.closeSwarm();
    expect(await handle.output).toEqual({ tag: 'after the open', got: [1, 2] });
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
      tasks: [await give(0), await closed(1, 2), await closed(), await closed(3)],
      successCallbacks: [await mage.sign(note, { tag: 'list of lists' })],
      isSwarmClosed: true,
    });
    expect(await swarm.run({})).toEqual([0, [1, 2], [], [3]]);
    expect((await pieces.only('list of lists', swarm)).input['returnValue']).toEqual([0, [1, 2], [], [3]]);
  });

  test('that is open keeps the outer one waiting until it is closed', async () => {
    const inner = await mage.swarm({ tasks: [await give(1)] });
    const outer = await mage.swarm({ tasks: [inner, await give(2)], isSwarmClosed: true });
    const handle = await outer.runNoWait({});
    await progressOf(outer, { succeeded: 1, running: 1, status: 'running' });
    await progressOf(inner, { succeeded: 1, status: 'running' });
    await inner.closeSwarm();
    expect(await handle.output).toEqual([[1], 2]);
  });

  test('without keepResults gives counts', async () => {
    const inner = await mage.swarm({ tasks: [await give(1)], config: { keepResults: false }, isSwarmClosed: true });
    const outer = await mage.swarm({ tasks: [inner], isSwarmClosed: true });
    expect(await outer.run({})).toEqual([{ total: 1, succeeded: 1, failed: 0, cancelled: 0 }]);
    expect(await inner.progress()).toMatchObject({ succeeded: 1, status: 'succeeded' });
  });
});

test('a swarm in a chain in a swarm in a swarm', async () => {
  const innermost = await closed(1, 2, 3);
  const chain = await mage.chain([innermost, total, await mage.sign(piece, { tag: 'deep' })]);
  const middle = await mage.swarm({ tasks: [chain, await give('beside')], isSwarmClosed: true });
  const outer = await mage.swarm({ tasks: [middle], isSwarmClosed: true });
  expect(await outer.run({})).toEqual([[{ tag: 'deep', got: 6 }, 'beside']]);
  for (const group of [outer, middle, chain, innermost]) expect(await group.status()).toBe('succeeded');
});

test('a chain in a chain hands on its last output', async () => {
  const inner = await mage.chain([piece, piece]);
  const chain = await mage.chain([await give(1), inner, piece]);
  expect(await chain.run({})).toEqual({ got: { got: { got: 1 } } });
});

test('ten levels deep', async () => {
  let group = await mage.chain([await mage.sign(piece, { tag: 'leaf' })]);
  for (let level = 0; level < 9; level++) {
    group = (
      level % 2 === 0 ? await mage.swarm({ tasks: [group], isSwarmClosed: true }) : await mage.chain([group])
    ) as typeof group;
  }
  const outer = await mage.chain([group], { successCallbacks: [await mage.sign(note, { tag: 'top' })] });
  expect(await outer.run({ hello: 1 })).toEqual([[[[[{ tag: 'leaf', got: null }]]]]]);
  expect(pieces.of('leaf')[0]?.input).toEqual({ tag: 'leaf', hello: 1 });
  await pieces.only('top', outer);
});

test('a chain in a swarm in a root task in a swarm', async () => {
  const own = new Fixture();
  const ownPieces = new Pieces(own);
  const { mage: m } = own;
  const root = m.rootTask({
    name: 'orchestrator',
    maxConcurrency: 2,
    fn: async () => {
      const chain = await m.chain([await m.sign(ownPieces.piece, { give: 1 }), ownPieces.piece]);
      const swarm = await m.swarm({ tasks: [chain, [ownPieces.piece, { give: 2 }]], isSwarmClosed: true });
      await swarm.runNoWait({ tag: 'message of the swarm' });
      return 'body';
    },
  });
  try {
    await own.worker([...ownPieces.tasks, root]);
    const signed = await m.sign(root, {}, { successCallbacks: [await m.sign(ownPieces.note, { tag: 'of the root' })] });
    const swarm = await m.swarm({ tasks: [signed, [ownPieces.piece, { give: 'beside' }]], isSwarmClosed: true });
    expect(await swarm.run({})).toEqual(['body', 'beside']);
    const callback = await ownPieces.only('of the root', swarm);
    expect(callback.input).toEqual({ tag: 'of the root', returnValue: 'body', childResults: [[{ got: 1 }, 2]] });
    const [first] = ownPieces.of('message of the swarm');
    expect(first?.context).toMatchObject({ rootId: signed.id, index: expect.any(Number) as number });
  } finally {
    await own.close();
  }
});
