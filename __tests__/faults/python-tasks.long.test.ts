import { eventually, Fixture } from '../helpers/fixture';
import { openTasks, shortLease } from '../helpers/task-set';
import { PythonWorkers } from '../helpers/python-worker';
import { rejection } from '../helpers/outcomes';

// Leases that outlast the test: the process that published watches, and nothing waits for the reconciler.
const { fixture, mage, taskSet, work, callback } = openTasks({ ...shortLease, leaseMs: 3_600_000 });
const python = new PythonWorkers(fixture.hatchet);
const closed = { isSwarmClosed: true } as const;
const callbackNamed = (label: string) => mage.sign(callback, { label });
const root = mage.rootTask({
  name: 'root',
  maxConcurrency: 2,
  fn: async ({ numbers }: { numbers: number[] }) => {
    for (const n of numbers) await (await mage.sign('double', { n })).runNoWait({});
    return { asked: numbers.length };
  },
});

// Its first start ever installs the SDK.
beforeAll(async () => {
  await python.start();
  await fixture.worker([root]);
}, 600_000);
afterAll(() => python.close());

test('the output of a Python task is the result of its item, one after another at the limit', async () => {
  const swarm = await mage.swarm({
    tasks: [1, 2, 3, 4].map((n) => ['double', { n }] as const),
    config: { maxConcurrency: 1 },
    successCallbacks: [await callbackNamed('doubled')],
    ...closed,
  });
  const doubled = [2, 4, 6, 8].map((double) => ({ double }));
  expect(await swarm.run()).toEqual(doubled);
  expect((await taskSet.onlyExecution('doubled', swarm)).input).toMatchObject({ returnValue: doubled });
});

test('the failure of a Python task is the failure of its item, with its message', async () => {
  const swarm = await mage.swarm({
    tasks: [
      ['broken', {}, { errorCallbacks: [await callbackNamed('broken')] }],
      ['double', { n: 5 }],
    ],
    ...closed,
  });
  expect(await swarm.run()).toEqual([{ double: 10 }]);
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1 });
  const message = expect.stringContaining('broken in Python') as string;
  expect((await taskSet.onlyExecution('broken', swarm)).input).toMatchObject({ error: { message, failureCount: 1 } });
});

test('a Python task holds its slot through its attempts, until the last one has ended', async () => {
  const swarm = await mage.swarm({
    tasks: [
      ['unsteady', { until: 2 }],
      [work, { label: 'after unsteady' }],
      ['unsteady', { until: 9 }],
    ],
    config: { maxConcurrency: 1 },
    ...closed,
  });
  const { output } = await swarm.runNoWait();
  await eventually('it fails for the first time', () => python.of('unsteady', { until: 2 }).length > 0);
  await taskSet.started('after unsteady');
  expect(python.of('unsteady', { until: 2 }).map(({ attempt }) => attempt)).toEqual([0, 1, 2]);
  expect(await output).toEqual([{ attempt: 2 }, expect.anything()]);
  expect(python.of('unsteady', { until: 9 })).toHaveLength(3);
  expect(await swarm.progress()).toMatchObject({ succeeded: 2, failed: 1 });
});

test('a Python task as a step of a chain gets the output before it and hands its own on', async () => {
  const chain = await mage.chain([await mage.sign(work, { value: { from: 'node' } }), 'echo', work], {
    name: 'mixed',
  });
  expect(await chain.run({})).toMatchObject({ received: { received: { returnValue: { from: 'node' } } } });
  const failing = await mage.chain(['double', 'broken', await mage.sign(work, { label: 'never' })], {
    errorCallbacks: [await callbackNamed('chain')],
  });
  expect((await rejection(failing.run({ n: 1 }))).message).toContain('broken in Python');
  expect(taskSet.executions('never')).toEqual([]);
  await taskSet.onlyExecution('chain', failing);
});

test('a Python task as a callback gets the results, and is over when it has ended', async () => {
  const attached = await mage.sign('double', { gate: 'callback', n: 1 });
  const swarm = await mage.swarm({ tasks: [[work, { value: 7 }]], successCallbacks: [attached], ...closed });
  expect(await swarm.run()).toEqual([7]);
  await eventually('the callback runs', () => python.of('double', { gate: 'callback' }).length > 0);
  expect(python.of('double', { gate: 'callback' })[0]?.input).toMatchObject({ returnValue: [7] });
  python.open('callback');
  await taskSet.settled(swarm);
  expect(python.of('double', { gate: 'callback' })).toHaveLength(1);
});

test('a root waits for a Python task that is its child, and its output is one of the children’s', async () => {
  const signature = await mage.sign(root, { numbers: [1, 2, 3] }, { successCallbacks: [await callbackNamed('root')] });
  expect(await signature.run({})).toEqual({ asked: 3 });
  const childResults = [{ double: 2 }, { double: 4 }, { double: 6 }];
  expect((await taskSet.onlyExecution('root', signature)).input).toMatchObject({ childResults });
});

test('a workflow of two tasks counts by its end, and gives the outputs of both by name', async () => {
  const swarm = await mage.swarm({ tasks: [['pair', { n: 1 }]], ...closed });
  expect(await swarm.run()).toEqual([{ first: { n: 2 }, second: { n: 20 } }]);
});

test('the end of a Python task is noticed also when the process that published it is gone', async () => {
  const short = { leaseMs: 1_000, reconcileIntervalMs: 300 };
  const publishing = fixture.another(short);
  const swarm = await publishing.swarm({
    tasks: [
      ['double', { n: 8, gate: 'orphan' }],
      ['double', { n: 9 }],
    ],
    config: { maxConcurrency: 1 },
    ...closed,
  });
  await swarm.runNoWait();
  await eventually('it runs', () => python.of('double', { gate: 'orphan' }).length > 0);
  await publishing.close();
  python.open('orphan');
  const reconciler = fixture.another(short);
  reconciler.startReconciler();
  const items = [];
  for await (const { output } of (await mage.load<typeof swarm>(swarm.id)).results()) items.push(output);
  expect(items).toEqual([{ double: 16 }, { double: 18 }]);
});

test('what runs in a worker that is killed is run by another one, holds its slot meanwhile, and counts once', async () => {
  // A namespace of its own: the worker of the other tests must not take it over.
  const own = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
  const workers = new PythonWorkers(own.hatchet);
  own.onClose(() => workers.close());
  try {
    own.mage.startReconciler();
    const victim = await workers.start();
    const swarm = await own.mage.swarm({
      tasks: [
        ['double', { n: 1, gate: 'killed' }],
        ['double', { n: 2 }],
      ],
      config: { maxConcurrency: 1 },
      ...closed,
    });
    const { output } = await swarm.runNoWait();
    await eventually('it runs', () => workers.of('double', { n: 1 }).length === 1);
    await victim.kill();
    const heir = await workers.start();
    workers.open('killed');
    // The engine takes a worker for dead after 30 s without a heartbeat.
    await eventually('another worker runs it', () => workers.of('double', { n: 1 }).length === 2);
    expect(await output).toEqual([{ double: 2 }, { double: 4 }]);
    expect(workers.bodies.map(({ pid, input }) => [pid, input['n']])).toEqual([
      [victim.pid, 1],
      [heir.pid, 1],
      [heir.pid, 2],
    ]);
    expect(await swarm.progress()).toMatchObject({ total: 2, succeeded: 2, failed: 0 });
  } finally {
    await own.close();
  }
});
