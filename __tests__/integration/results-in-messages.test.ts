import { z } from 'zod';
import { childResults, ConfigurationError, mageContext, returnValue } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage } = fixture;
const taskSet = new TaskSet(fixture);
const { retriedWork, work, callback } = taskSet;

const rows = z.array(z.object({ size: z.number() }));
/** A mark is seen through each of these, whichever side of it the mark is on. */
const marks: Record<string, z.ZodType> = {
  bare: returnValue(rows),
  optional: returnValue(rows).optional(),
  'optional inside': returnValue(rows.optional()),
  nullable: returnValue(rows).nullable(),
  default: returnValue(rows).default([]),
  catch: returnValue(rows).catch([]),
  readonly: returnValue(rows).readonly(),
  pipe: returnValue(rows).pipe(z.any()),
  'pipe into it': z.any().pipe(returnValue(rows)),
  transform: returnValue(rows).transform((list) => list),
  preprocess: z.preprocess((list) => list, returnValue(rows)),
  describe: returnValue(rows).describe('the rows'),
  min: returnValue(rows).min(1),
  refine: returnValue(rows).refine((list) => list.length > 0),
  all: returnValue(rows.min(1)).optional().nullable().default(null).describe('all').readonly(),
};
const marked = Object.entries(marks).map(([kind, schema], i) =>
  mage.task({
    name: `marked-${i}`,
    input: z.object({ label: z.string(), rows: schema }),
    fn: (input) => taskSet.record({ ...input, label: `${input.label} ${kind}` }),
  }),
);
const wholeTransformed = mage.task({
  name: 'whole-transformed',
  input: z.object({ label: z.string(), rows: returnValue(rows) }).transform((input) => ({ ...input, extra: true })),
  fn: (input) => taskSet.record(input),
});
const tagged = z.object({ label: z.string() });
const withRows = z.object({ rows: returnValue(rows) });
const wholes: Record<string, z.ZodType> = {
  intersection: tagged.and(withRows),
  union: z.union([tagged.extend({ other: z.string() }), tagged.extend(withRows.shape)]),
  'discriminated union': z.discriminatedUnion('kind', [
    tagged.extend({ kind: z.literal('a'), other: z.string() }),
    tagged.extend({ kind: z.literal('b'), rows: returnValue(rows) }),
  ]),
  lazy: z.lazy(() => tagged.extend(withRows.shape)),
};
const wholeTasks = Object.values(wholes).map((input, i) =>
  mage.task({ name: `whole-${i}`, input, fn: (given) => taskSet.record(given as Record<string, unknown>) }),
);
const strict = mage.task({
  name: 'strict',
  input: z.strictObject({ label: z.string(), rows: returnValue(rows) }),
  fn: (input) => taskSet.record(input),
});
const strictDefault = mage.task({
  name: 'strict-default',
  input: z.strictObject({ label: z.string(), returnValue: rows }),
  fn: (input) => taskSet.record(input),
});
const strictWithout = mage.task({
  name: 'strict-without',
  input: z.strictObject({ label: z.string() }),
  fn: (input) => taskSet.record(input),
});
const stripping = mage.task({
  name: 'stripping',
  input: z.object({ label: z.string() }),
  fn: (input) => taskSet.record(input),
});
const collecting = mage.task({
  name: 'collecting',
  fn: async (input: Record<string, unknown>) => {
    const collected: unknown[] = [];
    for await (const output of mageContext()?.results ?? []) collected.push(output);
    taskSet.record({ ...input, collected });
  },
});

beforeAll(() =>
  fixture.worker([
    ...taskSet.tasks,
    ...marked,
    wholeTransformed,
    ...wholeTasks,
    strict,
    strictDefault,
    strictWithout,
    stripping,
    collecting,
  ]),
);
afterAll(() => fixture.close());

const value = [{ size: 1 }, { size: 2 }];

describe('where a result arrives', () => {
  test.each(Object.keys(marks).map((kind, i) => [kind, i] as const))('a mark is seen: %s', async (kind, i) => {
    const task = marked[i];
    if (!task) throw new Error('missing');
    const parent = await mage.sign(
      retriedWork,
      { value },
      { successCallbacks: [await mage.sign(task, { label: 'mark' })] },
    );
    await parent.run();
    expect((await taskSet.onlyExecution(`mark ${kind}`, parent)).input).toEqual({ label: `mark ${kind}`, rows: value });
  });

  test('in the marked field of a schema that is transformed as a whole', async () => {
    const attached = await mage.sign(wholeTransformed, { label: 'transformed' });
    const parent = await mage.sign(retriedWork, { value }, { successCallbacks: [attached] });
    await parent.run();
    expect((await taskSet.onlyExecution('transformed', parent)).input).toEqual({
      label: 'transformed',
      rows: value,
      extra: true,
    });
  });

  test.each(Object.keys(wholes).map((kind, i) => [kind, i] as const))(
    'in the marked field of a message that is made as: %s',
    async (kind, i) => {
      const label = `whole ${kind}`;
      const data = kind === 'discriminated union' ? { label, kind: 'b' } : { label };
      const attached = await mage.sign(`whole-${i}`, data);
      const parent = await mage.sign(retriedWork, { value }, { successCallbacks: [attached] });
      await parent.run();
      expect((await taskSet.onlyExecution(label, parent)).input).toEqual({ ...data, rows: value });
    },
  );

  test('a strict schema takes it in its marked field, and in returnValue', async () => {
    const callbacks = [
      await mage.sign(strict, { label: 'strict' }),
      await mage.sign(strictDefault, { label: 'strict default' }),
    ];
    const parent = await mage.sign(retriedWork, { value }, { successCallbacks: callbacks });
    await parent.run();
    expect((await taskSet.onlyExecution('strict', parent)).input).toEqual({ label: 'strict', rows: value });
    expect((await taskSet.onlyExecution('strict default', parent)).input).toEqual({
      label: 'strict default',
      returnValue: value,
    });
  });

  test('a strict schema without a field for it refuses it, one that strips goes without', async () => {
    const refusing = await mage.sign(strictWithout, { label: 'strict without' });
    const parent = await mage.sign(
      retriedWork,
      { value },
      { successCallbacks: [refusing, await mage.sign(stripping, { label: 'stripped' })] },
    );
    await parent.run();
    expect((await taskSet.onlyExecution('stripped', parent)).input).toEqual({ label: 'stripped' });
    expect(taskSet.executions('strict without')).toEqual([]);
    await expect(refusing.status()).resolves.toBe('failed');
  });

  test.each<[string, z.ZodType]>([
    ['returnValue', z.object({ a: returnValue(z.number()), b: returnValue(z.string()).optional() })],
    ['childResults', z.object({ a: childResults(z.array(z.any())), b: childResults(rows).default([]) })],
  ])('two marks of %s are a ConfigurationError that names both fields', (mark, input) => {
    const two = { name: 'two', input, fn: () => ({}) };
    for (const declare of [() => mage.task(two), () => mage.durableTask(two), () => mage.rootTask(two)]) {
      expect(declare).toThrow(ConfigurationError);
      expect(declare).toThrow(new RegExp(`two.*${mark}.*a, b`));
    }
  });

  test('a message that a user sends in the field named returnValue is not taken for a result in a plain item', async () => {
    const signature = await mage.sign(strictDefault, { label: 'own returnValue' });
    await signature.run({ returnValue: value });
    expect((await taskSet.onlyExecution('own returnValue', signature)).input['returnValue']).toEqual(value);
  });
});

describe('what a success callback of a task gets', () => {
  test.each<[string, unknown, unknown]>([
    ['an object', { a: { b: [1, null] } }, { a: { b: [1, null] } }],
    ['a list', [1, 2], [1, 2]],
    ['a text', 'x', 'x'],
    ['zero', 0, 0],
    ['false', false, false],
    ['an empty text', '', ''],
    ['null', null, null],
    ['undefined, as null', undefined, null],
  ])('%s', async (name, value, expected) => {
    const parent = await mage.sign(retriedWork, value === undefined ? { returnsNothing: true } : { value }, {
      successCallbacks: [await mage.sign(callback, { label: `got ${name}`, bound: { x: 1 } })],
    });
    await expect(parent.run({ sent: 'not for callbacks' })).resolves.toEqual(expected);
    const { input } = await taskSet.onlyExecution(`got ${name}`, parent);
    expect(input).toEqual({ label: `got ${name}`, bound: { x: 1 }, returnValue: expected });
  });

  test('the result, also when data of the same name are bound', async () => {
    const attached = await mage.sign(callback, { label: 'result wins', returnValue: { b: 'bound' } });
    const parent = await mage.sign(retriedWork, { value: { a: 1, b: 2 } }, { successCallbacks: [attached] });
    await parent.run();
    expect((await taskSet.onlyExecution('result wins', parent)).input['returnValue']).toEqual({ a: 1, b: 2 });
  });
});

describe('what a success callback of a swarm gets', () => {
  test('the outputs in the order of adding, undefined as null, without the failed ones', async () => {
    const batch = await mage.swarm({
      tasks: [
        [work, { value: 0, waitFor: 'order' }],
        [work, { fail: 'left out' }],
        [work, { returnsNothing: true }],
        [work, { value: [3] }],
        [work, { value: null }],
      ],
      successCallbacks: [await mage.sign(callback, { label: 'in order' })],
      isSwarmClosed: true,
    });
    const handle = await batch.runNoWait({ swarmMessage: true });
    await eventually('all others have ended', async () => (await batch.progress()).succeeded === 3);
    taskSet.openGate('order');
    await expect(handle.output).resolves.toEqual([0, null, [3], null]);
    const { input, context } = await taskSet.onlyExecution('in order', batch);
    expect(input).toEqual({ label: 'in order', returnValue: [0, null, [3], null] });
    expect(context).toMatchObject({ swarmId: batch.id });
    expect(context).not.toHaveProperty('index');
  });

  test('an empty list for an empty swarm and for one in which all failed', async () => {
    for (const [label, tasks] of [
      ['empty', []],
      ['all failed', [[work, { fail: 'x' }]]],
    ] as const) {
      const successCallbacks = [await mage.sign(callback, { label })];
      const batch = await mage.swarm({ tasks, successCallbacks, isSwarmClosed: true });
      await batch.run();
      expect((await taskSet.onlyExecution(label, batch)).input['returnValue']).toEqual([]);
    }
  });

  test('the same outputs one after another from mageContext().results', async () => {
    const batch = await mage.swarm({
      tasks: [1, 2, 3].map((value) => [work, { value }] as const),
      successCallbacks: [await mage.sign(collecting, { label: 'collected' })],
      isSwarmClosed: true,
    });
    await batch.run();
    expect((await taskSet.onlyExecution('collected', batch)).input).toMatchObject({
      returnValue: [1, 2, 3],
      collected: [1, 2, 3],
    });
  });
});

describe('mageContext()', () => {
  test("in an item: the signature's id, the swarm's and its index", async () => {
    const batch = await mage.swarm({ tasks: [[work, { label: 'context a' }]], isSwarmClosed: false });
    const signed = await mage.sign(work, { label: 'context b' });
    await batch.addTask(signed);
    await batch.closeSwarm();
    await batch.run();
    const [a] = taskSet.executions('context a');
    const [b] = taskSet.executions('context b');
    expect(a?.context).toEqual({ attempt: 1, signatureId: `${batch.id}~0`, swarmId: batch.id, index: 0, message: {} });
    expect(b?.context).toEqual({ attempt: 1, signatureId: signed.id, swarmId: batch.id, index: 1, message: {} });
  });

  test('in a signature that was run alone, and in its callback', async () => {
    const attached = await mage.sign(callback, { label: 'context callback' });
    const signature = await mage.sign(work, { label: 'context alone' }, { successCallbacks: [attached] });
    await signature.run();
    expect((await taskSet.onlyExecution('context alone', signature)).context).toEqual({
      attempt: 1,
      signatureId: signature.id,
      message: {},
    });
    expect((await taskSet.onlyExecution('context callback', signature)).context).toEqual({
      attempt: 1,
      signatureId: attached.id,
      message: {},
    });
  });

  test('undefined in a plain run, and outside of every body', async () => {
    await work.run({ label: 'plain' });
    expect(taskSet.executions('plain').map(({ context }) => context)).toEqual([undefined]);
    expect(mageContext()).toBeUndefined();
  });
});
