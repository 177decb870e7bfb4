import { z } from 'zod';
import { ConfigurationError, mageContext } from '../../src';
import { Fixture } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';
import { thrownBy } from '../helpers/refusals';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, hatchet } = fixture;
const taskSet = new TaskSet(fixture);
let bodies = 0;

const wrapped = hatchet.task({
  name: 'declared-with-the-client',
  fn: (input: { n: number }) => {
    bodies += 1;
    return { n: input.n + 1, inMageflow: mageContext() !== undefined };
  },
});
mage.wrap(wrapped);
mage.wrap(wrapped);
const untouched = hatchet.task({ name: 'never-wrapped', fn: (input: { n: number }) => ({ n: input.n * 2 }) });
const durable = mage.durableTask({ name: 'durable', fn: (input: { n: number }) => ({ n: input.n + 10 }) });

const pipeline = mage.workflow({ name: 'pipeline', input: z.object({ n: z.coerce.number() }) });
const first = pipeline.task({
  name: 'first',
  fn: (input) => ({ n: Number((input as { n: number }).n) + 1, context: mageContext()?.index ?? null }),
});
pipeline.task({
  name: 'second',
  parents: [first],
  fn: async (_input, ctx) => ({ n: ((await ctx.parentOutput(first)) as { n: number }).n * 10 }),
});
const plainWorkflow = hatchet.workflow({ name: 'wrapped-workflow' });
plainWorkflow.task({ name: 'before', fn: () => ({ before: mageContext() !== undefined }) });
mage.wrap(plainWorkflow);
plainWorkflow.durableTask({ name: 'after', fn: () => ({ after: mageContext() !== undefined }) });
const failing = mage.workflow({ name: 'failing-workflow' });
failing.task({ name: 'good', fn: () => ({ ok: true }) });
failing.task({
  name: 'bad',
  fn: () => {
    throw new Error('one of two');
  },
});

beforeAll(() => fixture.worker([...taskSet.tasks, wrapped, untouched, durable, pipeline, plainWorkflow, failing]));
afterAll(() => fixture.close());

describe('mage.wrap', () => {
  test('makes a task of the plain client report to its group, and twice is once', async () => {
    bodies = 0;
    const batch = await mage.swarm({ tasks: [[wrapped, { n: 1 }]], isSwarmClosed: true });
    await expect(batch.run()).resolves.toEqual([{ n: 2, inMageflow: true }]);
    expect(bodies).toBe(1);
  });

  test('leaves its plain runs as they were', async () => {
    await expect(wrapped.run({ n: 5 })).resolves.toEqual({ n: 6, inMageflow: false });
  });

  test('returns the declaration that it was given, and wraps no body that it has wrapped', () => {
    const bodyOf = () => wrapped.definition._tasks[0]?.fn;
    const body = bodyOf();
    expect(mage.wrap(wrapped)).toBe(wrapped);
    expect(bodyOf()).toBe(body);
  });

  test.each([[undefined], [null], ['task'], [{}], [() => 1]])('refuses %p', async (thing) => {
    const error = await thrownBy(() => mage.wrap(thing as never));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('wrap: expected a task or workflow declared with the Hatchet SDK');
  });

  test('refuses batch tasks, however they are declared, naming them', async () => {
    const batch = { maxSize: 2 };
    const calls: [string, () => unknown][] = [
      ['by-task', () => mage.task({ name: 'by-task', batch, fn: () => ({}) } as never)],
      ['by-durable', () => mage.durableTask({ name: 'by-durable', batch, fn: () => ({}) } as never)],
      ['by-wrap', () => mage.wrap(hatchet.batchTask({ name: 'by-wrap', batch, fn: async () => [] } as never))],
      [
        'in-workflow',
        () => mage.workflow({ name: 'w' }).batchTask({ name: 'in-workflow', batch, fn: () => [] } as never),
      ],
    ];
    for (const [name, call] of calls) {
      const error = await thrownBy(call);
      expect({ name, is: error instanceof ConfigurationError, error: error.message }).toEqual({
        name,
        is: true,
        error: expect.stringMatching(new RegExp(`${name}.*batch tasks can't be wrapped`)) as string,
      });
    }
  });

  test('by two instances works for both', async () => {
    const other = fixture.another({ keyPrefix: `${fixture.keyPrefix}` });
    other.wrap(wrapped);
    await expect((await mage.sign(wrapped)).run({ n: 1 })).resolves.toMatchObject({ n: 2 });
    await expect((await other.sign(wrapped)).run({ n: 2 })).resolves.toMatchObject({ n: 3 });
  });
});

describe('as items of a swarm', () => {
  test('a task that nobody wrapped ends by what the engine says of it', async () => {
    const batch = await mage.swarm({
      tasks: [
        [untouched, { n: 4 }],
        ['never-wrapped', { n: 5 }],
      ],
      isSwarmClosed: true,
    });
    await expect(batch.run()).resolves.toEqual([{ n: 8 }, { n: 10 }]);
  });

  test('a durable task is an item like others', async () => {
    const batch = await mage.swarm({ tasks: [[durable, { n: 1 }]], isSwarmClosed: true });
    await expect(batch.run()).resolves.toEqual([{ n: 11 }]);
  });

  test('a workflow counts by its end as a whole and gives the outputs of its tasks, those added later too', async () => {
    const batch = await mage.swarm({
      tasks: [
        [pipeline, { n: '1' }],
        ['pipeline', { n: 2 }],
      ],
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await expect(batch.run()).resolves.toEqual([
      { first: { n: 2, context: 0 }, second: { n: 20 } },
      { first: { n: 3, context: 1 }, second: { n: 30 } },
    ]);
    await expect(batch.progress()).resolves.toMatchObject({ succeeded: 2, running: 0 });
  });

  test('a wrapped workflow sees its context in tasks from before and after', async () => {
    const callback = await mage.sign(taskSet.callback, { label: 'workflow' });
    const signature = await mage.sign(plainWorkflow, {}, { successCallbacks: [callback] });
    const output = { before: { before: true }, after: { after: true } };
    await expect(signature.run()).resolves.toEqual(output);
    expect((await taskSet.onlyExecution('workflow', signature)).input['returnValue']).toEqual(output);
  });

  test('a workflow of which one task fails is one failure', async () => {
    const batch = await mage.swarm({ tasks: [failing], isSwarmClosed: true });
    const [settled] = await batch.runSettled();
    expect(settled).toMatchObject({ status: 'failed', error: expect.stringContaining('one of two') as string });
    await expect(batch.progress()).resolves.toMatchObject({ failed: 1, succeeded: 0 });
  });
});

describe('mage.worker', () => {
  test('refuses two declarations whose names are one to the engine', async () => {
    const lower = mage.task({ name: 'same-name', fn: () => ({}) });
    const upper = mage.task({ name: 'Same-Name', fn: () => ({}) });
    const error = await thrownBy(() => mage.worker('w', { workflows: [lower, upper] }));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('"same-name"');
    expect(error.message).toContain('"Same-Name"');
  });

  test('takes one declaration twice', async () => {
    await expect(mage.worker('w', { workflows: [wrapped, wrapped] })).resolves.toBeDefined();
  });

  test('a name is found whatever its case', async () => {
    await expect((await mage.sign('WORK')).run({ value: 1 })).resolves.toBe(1);
  });
});

test('a plain hatchet.worker runs wrapped tasks too, with the reconciler of the caller', async () => {
  const task = mage.task({ name: 'on-a-plain-worker', fn: () => ({ ok: 1 }) });
  const worker = await hatchet.worker('plain', { workflows: [task], slots: 5, handleKill: false });
  const running = worker.start();
  mage.startReconciler();
  try {
    await worker.waitUntilReady(120_000);
    await expect((await mage.sign(task)).run()).resolves.toEqual({ ok: 1 });
  } finally {
    await mage.stopReconciler();
    await worker.stop();
    await running;
  }
});
