import type { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { z } from 'zod';
import { ConfigurationError, TaskFailedError, type Mageflow } from '../../src';
import { eventually, Fixture, newHatchet } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';

describe('a schema', () => {
  const fixture = new Fixture();
  const { mage } = fixture;
  const taskSet = new TaskSet(fixture);
  let attempts = 0;
  const checked: string[] = [];

  const dated = mage.task({
    name: 'dated',
    input: z.object({ at: z.coerce.date(), word: z.string().transform((text) => text.length) }),
    fn: ({ at, word }) => ({ isDate: at instanceof Date, year: at.getUTCFullYear(), word }),
  });
  const refined = mage.task({
    name: 'refined',
    retries: 3,
    input: z.object({
      user: z.object({
        names: z.array(
          z.string().refine(async (name) => {
            checked.push(name);
            return Promise.resolve(name !== 'root');
          }, 'is reserved'),
        ),
      }),
    }),
    fn: ({ user }) => {
      attempts += 1;
      return user.names;
    },
  });
  const defaulted = mage.task({
    name: 'defaulted',
    input: z.object({ count: z.number().default(3) }),
    fn: (input) => input,
  });
  const strict = mage.task({ name: 'strict', input: z.strictObject({ a: z.number() }), fn: (input) => input });
  const durable = mage.durableTask({
    name: 'durable',
    input: z.object({ n: z.coerce.number() }),
    fn: ({ n }) => ({ next: n + 1 }),
  });
  const plain = mage.task({ name: 'plain', fn: (input: Record<string, unknown>) => input });
  const noted = mage.task({ name: 'noted', fn: (input: Record<string, unknown>) => taskSet.record(input) });

  beforeAll(() => fixture.worker([dated, refined, defaulted, strict, durable, plain, noted]));
  afterAll(() => fixture.close());

  const output = { isDate: true, year: 2026, word: 5 };

  test('with dates and transforms keeps no worker from starting, and its body gets what it gives', async () => {
    await expect((await mage.sign(dated)).run({ at: '2026-11-22', word: 'hello' })).resolves.toEqual(output);
  });

  test('parses the input of a plain run too', async () => {
    await expect(dated.run({ at: '2026-11-22', word: 'hello' })).resolves.toEqual(output);
    await expect(durable.run({ n: '4' })).resolves.toEqual({ next: 5 });
  });

  test('parses the merged message, so that each part may bring some of it', async () => {
    const batch = await mage.swarm({ tasks: [[dated, { word: 'hello' }]], isSwarmClosed: true });
    await expect(batch.run({ at: '2026-01-01' })).resolves.toEqual([output]);
  });

  test('fills in its defaults and strips what it does not know', async () => {
    await expect((await mage.sign(defaulted)).run({ other: 1 } as never)).resolves.toEqual({ count: 3 });
    await expect(defaulted.run({ count: 1, other: 2 } as never)).resolves.toEqual({ count: 1 });
  });

  test('that is strict refuses unknown fields, naming them', async () => {
    await expect((await mage.sign(strict, { a: 1 })).run()).resolves.toEqual({ a: 1 });
    await expect((await mage.sign(strict, { a: 1 })).run({ typo: 1 } as never)).rejects.toThrow(/typo/);
  });

  test('fails a message that does not fit at once, without retries, with the path of the field', async () => {
    const errorCallbacks = [await mage.sign(noted, { label: 'does not fit' })];
    const signature = await mage.sign(refined, { user: { names: ['ada', 'root'] } }, { errorCallbacks });
    // Bound data are checked at signing too.
    checked.length = 0;
    const error = await signature.run().catch((reason: unknown) => reason as Error);
    expect(error).toBeInstanceOf(TaskFailedError);
    expect((error as Error).message).toContain('user.names.1: is reserved');
    const { input } = await taskSet.onlyExecution('does not fit', signature);
    expect(input).toMatchObject({ user: { names: ['ada', 'root'] }, error: { failureCount: 1 } });
    expect(checked).toEqual(['ada', 'root']);
    expect(attempts).toBe(0);
    await expect((await mage.sign(refined)).run({ user: { names: ['ada'] } })).resolves.toEqual(['ada']);
  });

  test('fails a plain run that does not fit without retries as well', async () => {
    checked.length = 0;
    const ref = await refined.runNoWait({ user: { names: ['root'] } });
    const errors = await ref.output.catch((reason: unknown) => reason);
    expect(String(errors)).toContain('user.names.0: is reserved');
    expect(checked).toEqual(['root']);
  });

  test('names every field that does not fit', async () => {
    await expect((await mage.sign('dated')).run({ at: 'never' })).rejects.toThrow(/at: .*; word: /);
  });

  test('is left out where there is none: the message reaches the body as it was sent', async () => {
    const message = { a: [1, { b: null }], text: 'ä\n' };
    await expect((await mage.sign(plain)).run(message)).resolves.toEqual(message);
  });

  test('a schema that is not zod 4 throws a ConfigurationError that names the task', () => {
    const declare = () => mage.task({ name: 'no schema', input: { type: 'object' } as never, fn: () => ({}) });
    expect(declare).toThrow(ConfigurationError);
    expect(declare).toThrow(/no schema.*zod 4/);
  });
});

describe('middleware of the client', () => {
  const hooks: unknown[] = [];
  const client = newHatchet().withMiddleware({
    before: (input: Record<string, unknown>) => ({
      user: 'ada',
      ...(input['shadow'] === undefined ? {} : { shadow: 'from the hook' }),
    }),
    after: (output: unknown, _ctx: unknown, input: unknown) => {
      hooks.push({ output, input });
      return { changed: true };
    },
  });
  const fixture = new Fixture({}, client as unknown as HatchetClient);
  const mage = fixture.mage as unknown as Mageflow<object, object, { user: string }>;
  const taskSet = new TaskSet(fixture);

  const stripping = mage.task({ name: 'stripping', input: z.object({ a: z.number() }), fn: (input) => input });
  const strict = mage.task({ name: 'strict', input: z.strictObject({ a: z.number() }), fn: (input) => input });
  const declaring = mage.task({
    name: 'declaring',
    input: z.strictObject({ a: z.number(), user: z.string().transform((name) => name.toUpperCase()) }),
    fn: (input) => input,
  });
  const plain = mage.task({ name: 'plain', fn: (input: Record<string, unknown>) => input });
  const shadowed = mage.task({
    name: 'shadowed',
    input: z.object({ shadow: z.string() }),
    fn: (input) => input,
  });

  beforeAll(() => fixture.worker([...taskSet.tasks, stripping, strict, declaring, plain, shadowed]));
  afterAll(() => fixture.close());

  test.each([
    ['a schema that strips', stripping, { a: 1, user: 'ada' }],
    ['a strict schema', strict, { a: 1, user: 'ada' }],
    ['a schema that declares them', declaring, { a: 1, user: 'ADA' }],
    ['no schema', plain, { a: 1, user: 'ada' }],
  ])('adds fields that the body sees with %s, in signed and in plain runs', async (_, task, expected) => {
    hooks.length = 0;
    const signature = await mage.sign(task as typeof plain);
    await expect(signature.run({ a: 1 })).resolves.toEqual(expected);
    await (task as typeof plain).run({ a: 1 });
    expect(hooks).toEqual([
      { output: expected, input: expected },
      { output: expected, input: expected },
    ]);
  });

  test('does not make a message fit that does not: unknown fields of the sender are still refused', async () => {
    await expect((await mage.sign(strict, { a: 1 })).run({ typo: 1 } as never)).rejects.toThrow(/typo/);
  });

  test('may replace a field that the schema knows', async () => {
    await expect((await mage.sign(shadowed)).run({ shadow: 'sent' })).resolves.toMatchObject({
      shadow: 'from the hook',
    });
  });

  test("after the body changes Hatchet's record only, and not the result that callbacks and run() get", async () => {
    const callback = await mage.sign(taskSet.callback, { label: 'unchanged' });
    const signature = await mage.sign(plain, { a: 1 }, { successCallbacks: [callback] });
    const handle = await signature.runNoWait();
    const runId = await handle.runId;
    await expect(handle.output).resolves.toEqual({ a: 1, user: 'ada' });
    expect((await taskSet.onlyExecution('unchanged', signature)).input['returnValue']).toEqual({ a: 1, user: 'ada' });
    const details = await eventually('the run has ended', async () => {
      const found = await fixture.hatchet.runs.getDetails(runId);
      return found.done ? found : undefined;
    });
    expect(Object.values(details.taskRuns)[0]?.output).toEqual({ changed: true });
  });

  test("is the client's own: neither the client nor its hooks are changed by wrapping it", () => {
    expect(mage.hatchet).toBe(client);
    expect(client.config.middleware).toMatchObject({ before: [expect.any(Function)], after: [expect.any(Function)] });
  });
});

describe('a client with a namespace', () => {
  const namespace = `space${Date.now().toString(36)}`;
  const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 }, newHatchet(namespace));
  const taskSet = new TaskSet(fixture);
  const { mage } = fixture;

  beforeAll(() => fixture.worker(taskSet.tasks));
  afterAll(() => fixture.close());

  test('runs declarations, names with and without it, callbacks and swarms', async () => {
    const full = `${fixture.hatchet.config.namespace}work`;
    const batch = await mage.swarm({
      tasks: [
        [taskSet.work, { value: 1 }],
        ['work', { value: 2 }],
        [full, { value: 3 }],
      ],
      successCallbacks: [await mage.sign('callback', { label: 'in a namespace' })],
      isSwarmClosed: true,
    });
    await expect(batch.run()).resolves.toEqual([1, 2, 3]);
    expect((await taskSet.onlyExecution('in a namespace', batch)).input['returnValue']).toEqual([1, 2, 3]);
    await expect((await mage.sign('nobody-here')).run()).rejects.toThrow('no worker has registered a task named');
  });

  test('keeps its keys apart from those of another namespace', async () => {
    const other = new Fixture({ keyPrefix: fixture.keyPrefix }, newHatchet(`${namespace}2`));
    try {
      const swarm = await mage.swarm();
      await expect(other.mage.load(swarm.id)).rejects.toThrow('No signature with the id');
    } finally {
      await other.mage.close();
      other.redis.disconnect();
    }
  });
});
