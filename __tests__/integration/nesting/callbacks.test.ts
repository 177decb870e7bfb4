import { ConfigurationError, mageContext } from '../../../src';
import { eventually, Fixture } from '../../helpers/fixture';
import { expectRefusal } from '../../helpers/refusals';
import { Pieces } from '../../helpers/pieces';
import { rejection, statusOf } from '../../helpers/workshop';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250 });
const { mage } = fixture;
const pieces = new Pieces(fixture);
const { piece, note } = pieces;
const root = mage.rootTask({
  name: 'fan-out',
  fn: async (message: { tag?: string; returnValue?: unknown; error?: { message: string } }) => {
    pieces.seen.push({
      tag: `root ${message.tag}`,
      input: { ...message },
      context: mageContext(),
      runId: '',
      aborted: false,
    });
    for (const n of [1, 2]) await (await mage.sign(piece, { tag: `child of ${message.tag}`, give: n })).runNoWait({});
    return { body: message.tag };
  },
});

beforeAll(async () => {
  await fixture.worker([...pieces.tasks, root]);
});
afterAll(() => fixture.close());

const told = (tag: string) => mage.sign(note, { tag });
const step = (tag: string, data: object = {}) => mage.sign(piece, { tag, ...data });

/** What can have callbacks: how it is made with them, succeeds with 'out' or fails with 'no', and how a success looks to them. */
const parents = [
  ['a task', async (give: object, callbacks: object) => mage.sign(piece, give, callbacks), 'out'],
  [
    'an item of a swarm',
    async (give: object, callbacks: object) => mage.swarm({ tasks: [[piece, give, callbacks]], isSwarmClosed: true }),
    'out',
  ],
  [
    'a swarm',
    async (give: object, callbacks: object) =>
      mage.swarm({ tasks: [[piece, give]], config: { stopAfterNFailures: 1 }, isSwarmClosed: true, ...callbacks }),
    ['out'],
  ],
  [
    'a chain',
    async (give: object, callbacks: object) => mage.chain([piece, await mage.sign(piece, give)], callbacks),
    'out',
  ],
] as const;

describe.each(parents)('of %s', (what, make, output) => {
  const run = async (tag: string, give: object, callbacks: object) => {
    const parent = await make({ ...give, tag: `${tag} parent` }, callbacks);
    await parent.runNoWait({});
    return parent;
  };

  test('a chain as the success callback gets the output in its first step', async () => {
    const tag = `${what}: chain`;
    const chain = await mage.chain([await step(`${tag} 1`, { give: 'one' }), await step(`${tag} 2`, { give: 'two' })], {
      successCallbacks: [await told(`${tag} done`)],
    });
    const parent = await run(tag, { give: 'out' }, { successCallbacks: [chain] });
    expect((await pieces.only(`${tag} done`, parent)).input).toEqual({ tag: `${tag} done`, returnValue: 'two' });
    expect(pieces.of(`${tag} 1`).map(({ input }) => input)).toEqual([
      { tag: `${tag} 1`, give: 'one', returnValue: output },
    ]);
    expect(pieces.of(`${tag} 2`).map(({ input }) => input['returnValue'])).toEqual(['one']);
  });

  test('a swarm as the success callback gets the output in each of its items', async () => {
    const tag = `${what}: swarm`;
    const swarm = await mage.swarm({
      tasks: [await step(`${tag} item`, { give: 1 }), await step(`${tag} item`, { give: 2 })],
      successCallbacks: [await told(`${tag} done`)],
      isSwarmClosed: true,
    });
    const parent = await run(tag, { give: 'out' }, { successCallbacks: [swarm] });
    expect((await pieces.only(`${tag} done`, parent)).input).toEqual({ tag: `${tag} done`, returnValue: [1, 2] });
    expect(pieces.of(`${tag} item`).map(({ input }) => input['returnValue'])).toEqual([output, output]);
  });

  test('a root task as the success callback gets the output, and its own callbacks wait for its children', async () => {
    const tag = `${what}: root`;
    const signed = await mage.sign(root, { tag }, { successCallbacks: [await told(`${tag} done`)] });
    const parent = await run(tag, { give: 'out' }, { successCallbacks: [signed] });
    expect((await pieces.only(`${tag} done`, parent)).input).toEqual({
      tag: `${tag} done`,
      returnValue: { body: tag },
      childResults: [1, 2],
    });
    expect(pieces.of(`root ${tag}`).map(({ input }) => input)).toEqual([{ tag, returnValue: output }]);
    expect(pieces.of(`child of ${tag}`)).toHaveLength(2);
  });

  test('a chain, a swarm and a root task as error callbacks are told what failed', async () => {
    const tag = `${what}: failed`;
    const chain = await mage.chain([await step(`${tag} chain`, { fail: '' })], {
      successCallbacks: [await told(`${tag} chain done`)],
    });
    const swarm = await mage.swarm({
      tasks: [await step(`${tag} swarm`, { fail: '' })],
      successCallbacks: [await told(`${tag} swarm done`)],
      isSwarmClosed: true,
    });
    const signed = await mage.sign(root, { tag }, { successCallbacks: [await told(`${tag} root done`)] });
    const never = await mage.chain([await step(`${tag} never`)]);
    const parent = await run(
      tag,
      { fail: 'no', extra: 1 },
      {
        errorCallbacks: [chain, swarm, signed],
        successCallbacks: [never],
      },
    );
    for (const kind of ['chain', 'swarm', 'root']) await pieces.only(`${tag} ${kind} done`, parent);
    const [root1, chain1, swarm1] = [`root ${tag}`, `${tag} chain`, `${tag} swarm`].map((one) => pieces.of(one));
    for (const seen of [root1, chain1, swarm1]) {
      expect(seen).toHaveLength(1);
      expect(seen?.[0]?.input['error']).toMatchObject({ failureCount: 1, failures: [{ message: 'no' }] });
    }
    expect(pieces.of(`${tag} never`)).toEqual([]);
  });
});

test('callbacks of callbacks, through a chain, a swarm and a root', async () => {
  const last = await mage.chain([await step('third level')], { successCallbacks: [await told('fourth level')] });
  const second = await mage.sign(root, { tag: 'second level' }, { successCallbacks: [last] });
  const first = await mage.swarm({
    tasks: [await step('first level', { give: 'a' })],
    successCallbacks: [second],
    isSwarmClosed: true,
  });
  const task = await mage.sign(piece, { give: 'start' }, { successCallbacks: [first] });
  await task.run({});
  const top = await pieces.only('fourth level', task);
  expect(top.input['returnValue']).toMatchObject({ tag: 'third level', got: { body: 'second level' } });
  expect(pieces.of('root second level')[0]?.input['returnValue']).toEqual(['a']);
  expect(pieces.of('first level')[0]?.input['returnValue']).toBe('start');
});

test('the failing callback chain runs its own error callbacks, and changes nothing for its parent', async () => {
  const bad = await mage.chain([await mage.sign(piece, { fail: 'callback broke' })], {
    errorCallbacks: [await mage.chain([await step('after a broken callback')])],
  });
  const task = await mage.sign(piece, { give: 1 }, { successCallbacks: [bad, await told('beside a broken callback')] });
  expect(await task.run({})).toBe(1);
  await pieces.only('beside a broken callback', task);
  expect(await task.status()).toBe('succeeded');
  expect(pieces.of('after a broken callback')).toHaveLength(1);
  expect(pieces.of('after a broken callback')[0]?.input['error']).toMatchObject({ message: 'callback broke' });
});

test('one chain, swarm or root that is attached to two parents runs for both', async () => {
  const shared = [
    await mage.chain([await step('shared chain')]),
    await mage.swarm({ tasks: [await step('shared swarm')], isSwarmClosed: true }),
    await mage.sign(root, { tag: 'shared' }),
  ];
  const tasks = [
    await mage.sign(piece, { give: 'a' }, { successCallbacks: shared }),
    await mage.sign(piece, { give: 'b' }, { successCallbacks: shared, errorCallbacks: shared }),
  ];
  for (const task of tasks) await task.run({});
  for (const task of tasks) await pieces.settled(task);
  for (const tag of ['shared chain', 'shared swarm', 'root shared'])
    expect(
      pieces
        .of(tag)
        .map(({ input }) => input['returnValue'])
        .sort(),
    ).toEqual(['a', 'b']);
});

test('an open swarm as a callback runs closed, with what it held when it was attached', async () => {
  const open = await mage.swarm({
    tasks: [await step('held', { give: 1 })],
    successCallbacks: [await told('held done')],
  });
  const task = await mage.sign(piece, { give: 0 }, { successCallbacks: [open] });
  await open.addTask(piece, { tag: 'added later' });
  await task.run({});
  expect((await pieces.only('held done', task)).input['returnValue']).toEqual([1]);
  expect(pieces.of('added later')).toEqual([]);
});

test('a callback swarm keeps its limits and its nested groups', async () => {
  const inner = await mage.chain([await step('nested in a callback', { give: 'in' }), piece]);
  const innerSwarm = await mage.swarm({
    tasks: [
      [piece, { give: 5 }],
      [piece, { give: 6 }],
    ],
    isSwarmClosed: true,
  });
  const swarm = await mage.swarm({
    tasks: [
      inner,
      innerSwarm,
      await step('x', { give: 'x', gauge: 'callback swarm' }),
      await step('y', { give: 'y', gauge: 'callback swarm' }),
    ],
    config: { maxConcurrency: 1 },
    successCallbacks: [await told('nested callback done')],
    isSwarmClosed: true,
  });
  const parents = [1, 2].map((n) => mage.sign(piece, { give: n }, { successCallbacks: [swarm] }));
  for (const parent of await Promise.all(parents)) {
    await parent.run({});
    await pieces.settled(parent);
  }
  const lists = pieces.of('nested callback done').map(({ input }) => input['returnValue']);
  expect(lists).toEqual([
    [{ got: 'in' }, [5, 6], 'x', 'y'],
    [{ got: 'in' }, [5, 6], 'x', 'y'],
  ]);
});

test('groups as callbacks of a nested group', async () => {
  const inner = await mage.swarm({
    tasks: [[piece, { give: 1 }]],
    successCallbacks: [await mage.chain([await step('callback of nested')])],
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({
    tasks: [inner],
    successCallbacks: [await mage.swarm({ tasks: [await step('callback of outer')], isSwarmClosed: true })],
    isSwarmClosed: true,
  });
  await outer.run({});
  await pieces.settled(outer);
  expect(pieces.of('callback of nested').map(({ input }) => input['returnValue'])).toEqual([[1]]);
  expect(pieces.of('callback of outer').map(({ input }) => input['returnValue'])).toEqual([[[1]]]);
});

test('a swarm that has been run can be no callback, nor can one whose item has', async () => {
  const ran = await mage.swarm({ tasks: [piece], name: 'ran', isSwarmClosed: true });
  await ran.run({});
  const started = await mage.swarm({ name: 'started' });
  await (await started.addTask(piece)).run({});
  for (const [swarm, name] of [
    [ran, 'ran'],
    [started, 'started'],
  ] as const) {
    const refused = (call: () => unknown) =>
      expectRefusal(fixture, call, ConfigurationError, `"${name}"`, 'was not run yet', 'Callbacks[0]');
    await refused(() => mage.sign(piece, {}, { successCallbacks: [swarm] }));
    await refused(() => mage.chain([piece], { errorCallbacks: [swarm] }));
    await refused(() => mage.swarm({ successCallbacks: [swarm] }));
  }
});

test('a swarm as a callback says how its latest firing is, wherever it is loaded', async () => {
  const swarm = await mage.swarm({
    tasks: [await step('latest', { hold: 'latest' })],
    name: 'fired',
    isSwarmClosed: true,
  });
  const task = await mage.sign(piece, { give: 1 }, { successCallbacks: [swarm] });
  expect(await swarm.status()).toBe('pending');
  await task.run({});
  await pieces.begun('latest');
  const loaded = await eventually('it is known', () => fixture.another().load(swarm.id));
  for (const one of [swarm, loaded]) await statusOf(one, 'running');
  pieces.open('latest');
  for (const one of [swarm, loaded]) await statusOf(one, 'succeeded');
});

test('a chain that is a callback can still not be run as somebody’s step, but each firing is a run of its own', async () => {
  const chain = await mage.chain([await step('template')]);
  const first = await mage.sign(piece, {}, { successCallbacks: [chain] });
  await first.run({});
  await pieces.settled(first);
  // By itself it has not been run.
  expect(await chain.run({ own: true })).toMatchObject({ tag: 'template' });
  expect(pieces.of('template')).toHaveLength(2);
  expect(await rejection(chain.run({}))).toMatchObject({ name: 'AlreadyStartedError' });
});
