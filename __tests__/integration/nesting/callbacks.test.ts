import { ConfigurationError } from '../../../src';
import { eventually, Fixture } from '../../helpers/fixture';
import { expectRefusal } from '../../helpers/refusals';
import { TaskSet } from '../../helpers/task-set';
import { rejection, statusOf } from '../../helpers/outcomes';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250 });
const { mage } = fixture;
const taskSet = new TaskSet(fixture);
const { work, callback } = taskSet;
const root = mage.rootTask({
  name: 'fan-out',
  fn: async (message: { label?: string; returnValue?: unknown; error?: { message: string } }) => {
    taskSet.record({ ...message, label: `root ${message.label}` });
    for (const n of [1, 2])
      await (await mage.sign(work, { label: `child of ${message.label}`, value: n })).runNoWait({});
    return { body: message.label };
  },
});

beforeAll(async () => {
  await fixture.worker([...taskSet.tasks, root]);
});
afterAll(() => fixture.close());

const callbackNamed = (label: string) => mage.sign(callback, { label });
const step = (label: string, data: object = {}) => mage.sign(work, { label, ...data });

/** What can have callbacks: how it is made with them, succeeds with 'out' or fails with 'no', and how a success looks to them. */
const parents = [
  ['a task', async (value: object, callbacks: object) => mage.sign(work, value, callbacks), 'out'],
  [
    'an item of a swarm',
    async (value: object, callbacks: object) => mage.swarm({ tasks: [[work, value, callbacks]], isSwarmClosed: true }),
    'out',
  ],
  [
    'a swarm',
    async (value: object, callbacks: object) =>
      mage.swarm({ tasks: [[work, value]], config: { stopAfterNFailures: 1 }, isSwarmClosed: true, ...callbacks }),
    ['out'],
  ],
  [
    'a chain',
    async (value: object, callbacks: object) => mage.chain([work, await mage.sign(work, value)], callbacks),
    'out',
  ],
] as const;

describe.each(parents)('of %s', (what, make, output) => {
  const run = async (label: string, value: object, callbacks: object) => {
    const parent = await make({ ...value, label: `${label} parent` }, callbacks);
    await parent.runNoWait({});
    return parent;
  };

  test('a chain as the success callback gets the output in its first step', async () => {
    const label = `${what}: chain`;
    const chain = await mage.chain(
      [await step(`${label} 1`, { value: 'one' }), await step(`${label} 2`, { value: 'two' })],
      {
        successCallbacks: [await callbackNamed(`${label} done`)],
      },
    );
    const parent = await run(label, { value: 'out' }, { successCallbacks: [chain] });
    expect((await taskSet.onlyExecution(`${label} done`, parent)).input).toEqual({
      label: `${label} done`,
      returnValue: 'two',
    });
    expect(taskSet.executions(`${label} 1`).map(({ input }) => input)).toEqual([
      { label: `${label} 1`, value: 'one', returnValue: output },
    ]);
    expect(taskSet.executions(`${label} 2`).map(({ input }) => input['returnValue'])).toEqual(['one']);
  });

  test('a swarm as the success callback gets the output in each of its items', async () => {
    const label = `${what}: swarm`;
    const swarm = await mage.swarm({
      tasks: [await step(`${label} item`, { value: 1 }), await step(`${label} item`, { value: 2 })],
      successCallbacks: [await callbackNamed(`${label} done`)],
      isSwarmClosed: true,
    });
    const parent = await run(label, { value: 'out' }, { successCallbacks: [swarm] });
    expect((await taskSet.onlyExecution(`${label} done`, parent)).input).toEqual({
      label: `${label} done`,
      returnValue: [1, 2],
    });
    expect(taskSet.executions(`${label} item`).map(({ input }) => input['returnValue'])).toEqual([output, output]);
  });

  test('a root task as the success callback gets the output, and its own callbacks wait for its children', async () => {
    const label = `${what}: root`;
    const signed = await mage.sign(root, { label }, { successCallbacks: [await callbackNamed(`${label} done`)] });
    const parent = await run(label, { value: 'out' }, { successCallbacks: [signed] });
    expect((await taskSet.onlyExecution(`${label} done`, parent)).input).toEqual({
      label: `${label} done`,
      returnValue: { body: label },
      childResults: [1, 2],
    });
    expect(taskSet.executions(`root ${label}`).map(({ input }) => input)).toEqual([
      { label: `root ${label}`, returnValue: output },
    ]);
    expect(taskSet.executions(`child of ${label}`)).toHaveLength(2);
  });

  test('a chain, a swarm and a root task as error callbacks receive what failed', async () => {
    const label = `${what}: failed`;
    const chain = await mage.chain([await step(`${label} chain`, { fail: '' })], {
      successCallbacks: [await callbackNamed(`${label} chain done`)],
    });
    const swarm = await mage.swarm({
      tasks: [await step(`${label} swarm`, { fail: '' })],
      successCallbacks: [await callbackNamed(`${label} swarm done`)],
      isSwarmClosed: true,
    });
    const signed = await mage.sign(root, { label }, { successCallbacks: [await callbackNamed(`${label} root done`)] });
    const never = await mage.chain([await step(`${label} never`)]);
    const parent = await run(
      label,
      { fail: 'no', extra: 1 },
      {
        errorCallbacks: [chain, swarm, signed],
        successCallbacks: [never],
      },
    );
    for (const kind of ['chain', 'swarm', 'root']) await taskSet.onlyExecution(`${label} ${kind} done`, parent);
    const [root1, chain1, swarm1] = [`root ${label}`, `${label} chain`, `${label} swarm`].map((one) =>
      taskSet.executions(one),
    );
    for (const seen of [root1, chain1, swarm1]) {
      expect(seen).toHaveLength(1);
      expect(seen?.[0]?.input['error']).toMatchObject({ failureCount: 1, failures: [{ message: 'no' }] });
    }
    expect(taskSet.executions(`${label} never`)).toEqual([]);
  });
});

test('callbacks of callbacks, through a chain, a swarm and a root', async () => {
  const last = await mage.chain([await step('third level')], {
    successCallbacks: [await callbackNamed('fourth level')],
  });
  const second = await mage.sign(root, { label: 'second level' }, { successCallbacks: [last] });
  const first = await mage.swarm({
    tasks: [await step('first level', { value: 'a' })],
    successCallbacks: [second],
    isSwarmClosed: true,
  });
  const task = await mage.sign(work, { value: 'start' }, { successCallbacks: [first] });
  await task.run({});
  const top = await taskSet.onlyExecution('fourth level', task);
  expect(top.input['returnValue']).toMatchObject({ label: 'third level', received: { body: 'second level' } });
  expect(taskSet.executions('root second level')[0]?.input['returnValue']).toEqual(['a']);
  expect(taskSet.executions('first level')[0]?.input['returnValue']).toBe('start');
});

test('the failing callback chain runs its own error callbacks, and changes nothing for its parent', async () => {
  const bad = await mage.chain([await mage.sign(work, { fail: 'callback broke' })], {
    errorCallbacks: [await mage.chain([await step('after a broken callback')])],
  });
  const task = await mage.sign(
    work,
    { value: 1 },
    { successCallbacks: [bad, await callbackNamed('beside a broken callback')] },
  );
  expect(await task.run({})).toBe(1);
  await taskSet.onlyExecution('beside a broken callback', task);
  expect(await task.status()).toBe('succeeded');
  expect(taskSet.executions('after a broken callback')).toHaveLength(1);
  expect(taskSet.executions('after a broken callback')[0]?.input['error']).toMatchObject({ message: 'callback broke' });
});

test('one chain, swarm or root that is attached to two parents runs for both', async () => {
  const shared = [
    await mage.chain([await step('shared chain')]),
    await mage.swarm({ tasks: [await step('shared swarm')], isSwarmClosed: true }),
    await mage.sign(root, { label: 'shared' }),
  ];
  const tasks = [
    await mage.sign(work, { value: 'a' }, { successCallbacks: shared }),
    await mage.sign(work, { value: 'b' }, { successCallbacks: shared, errorCallbacks: shared }),
  ];
  for (const task of tasks) await task.run({});
  for (const task of tasks) await taskSet.settled(task);
  for (const label of ['shared chain', 'shared swarm', 'root shared'])
    expect(
      taskSet
        .executions(label)
        .map(({ input }) => input['returnValue'])
        .sort(),
    ).toEqual(['a', 'b']);
});

test('an open swarm as a callback runs closed, with what it held when it was attached', async () => {
  const open = await mage.swarm({
    tasks: [await step('held', { value: 1 })],
    successCallbacks: [await callbackNamed('held done')],
  });
  const task = await mage.sign(work, { value: 0 }, { successCallbacks: [open] });
  await open.addTask(work, { label: 'added later' });
  await task.run({});
  expect((await taskSet.onlyExecution('held done', task)).input['returnValue']).toEqual([1]);
  expect(taskSet.executions('added later')).toEqual([]);
});

test('a callback swarm keeps its limits and its nested groups', async () => {
  const inner = await mage.chain([await step('nested in a callback', { value: 'in' }), work]);
  const innerSwarm = await mage.swarm({
    tasks: [
      [work, { value: 5 }],
      [work, { value: 6 }],
    ],
    isSwarmClosed: true,
  });
  const swarm = await mage.swarm({
    tasks: [
      inner,
      innerSwarm,
      await step('x', { value: 'x', gauge: 'callback swarm' }),
      await step('y', { value: 'y', gauge: 'callback swarm' }),
    ],
    config: { maxConcurrency: 1 },
    successCallbacks: [await callbackNamed('nested callback done')],
    isSwarmClosed: true,
  });
  const parents = [1, 2].map((n) => mage.sign(work, { value: n }, { successCallbacks: [swarm] }));
  for (const parent of await Promise.all(parents)) {
    await parent.run({});
    await taskSet.settled(parent);
  }
  const lists = taskSet.executions('nested callback done').map(({ input }) => input['returnValue']);
  expect(lists).toEqual([
    [{ received: 'in' }, [5, 6], 'x', 'y'],
    [{ received: 'in' }, [5, 6], 'x', 'y'],
  ]);
});

test('groups as callbacks of a nested group', async () => {
  const inner = await mage.swarm({
    tasks: [[work, { value: 1 }]],
    successCallbacks: [await mage.chain([await step('callback of nested')])],
    isSwarmClosed: true,
  });
  const outer = await mage.swarm({
    tasks: [inner],
    successCallbacks: [await mage.swarm({ tasks: [await step('callback of outer')], isSwarmClosed: true })],
    isSwarmClosed: true,
  });
  await outer.run({});
  await taskSet.settled(outer);
  expect(taskSet.executions('callback of nested').map(({ input }) => input['returnValue'])).toEqual([[1]]);
  expect(taskSet.executions('callback of outer').map(({ input }) => input['returnValue'])).toEqual([[[1]]]);
});

test('a swarm that has been run can be no callback, nor can one whose item has', async () => {
  const ran = await mage.swarm({ tasks: [work], name: 'ran', isSwarmClosed: true });
  await ran.run({});
  const started = await mage.swarm({ name: 'started' });
  await (await started.addTask(work)).run({});
  for (const [swarm, name] of [
    [ran, 'ran'],
    [started, 'started'],
  ] as const) {
    const refused = (call: () => unknown) =>
      expectRefusal(fixture, call, ConfigurationError, `"${name}"`, 'was not run yet', 'Callbacks[0]');
    await refused(() => mage.sign(work, {}, { successCallbacks: [swarm] }));
    await refused(() => mage.chain([work], { errorCallbacks: [swarm] }));
    await refused(() => mage.swarm({ successCallbacks: [swarm] }));
  }
});

test('a swarm as a callback says how its latest firing is, wherever it is loaded', async () => {
  const swarm = await mage.swarm({
    tasks: [await step('latest', { waitFor: 'latest' })],
    name: 'fired',
    isSwarmClosed: true,
  });
  const task = await mage.sign(work, { value: 1 }, { successCallbacks: [swarm] });
  expect(await swarm.status()).toBe('pending');
  await task.run({});
  await taskSet.started('latest');
  const loaded = await eventually('it is known', () => fixture.another().load(swarm.id));
  for (const one of [swarm, loaded]) await statusOf(one, 'running');
  taskSet.openGate('latest');
  for (const one of [swarm, loaded]) await statusOf(one, 'succeeded');
});

test('a chain that is a callback can still not be run as somebody’s step, but each firing is a run of its own', async () => {
  const chain = await mage.chain([await step('template')]);
  const first = await mage.sign(work, {}, { successCallbacks: [chain] });
  await first.run({});
  await taskSet.settled(first);
  // By itself it has not been run.
  expect(await chain.run({ own: true })).toMatchObject({ label: 'template' });
  expect(taskSet.executions('template')).toHaveLength(2);
  expect(await rejection(chain.run({}))).toMatchObject({ name: 'AlreadyStartedError' });
});
