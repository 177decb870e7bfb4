import { z } from 'zod';
import { childResults, ConfigurationError, mageContext, returnValue } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';
import { Notes } from '../helpers/notes';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage } = fixture;
const notes = new Notes(fixture);
const { work, once, note } = notes;

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
    input: z.object({ tag: z.string(), rows: schema }),
    fn: (input) => notes.keep({ ...input, tag: `${input.tag} ${kind}` }),
  }),
);
const wholeTransformed = mage.task({
  name: 'whole-transformed',
  input: z.object({ tag: z.string(), rows: returnValue(rows) }).transform((input) => ({ ...input, extra: true })),
  fn: (input) => notes.keep(input),
});
const tagged = z.object({ tag: z.string() });
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
  mage.task({ name: `whole-${i}`, input, fn: (given) => notes.keep(given as Record<string, unknown>) }),
);
const strict = mage.task({
  name: 'strict',
  input: z.strictObject({ tag: z.string(), rows: returnValue(rows) }),
  fn: (input) => notes.keep(input),
});
const strictDefault = mage.task({
  name: 'strict-default',
  input: z.strictObject({ tag: z.string(), returnValue: rows }),
  fn: (input) => notes.keep(input),
});
const strictWithout = mage.task({
  name: 'strict-without',
  input: z.strictObject({ tag: z.string() }),
  fn: (input) => notes.keep(input),
});
const stripping = mage.task({
  name: 'stripping',
  input: z.object({ tag: z.string() }),
  fn: (input) => notes.keep(input),
});
const collecting = mage.task({
  name: 'collecting',
  fn: async (input: Record<string, unknown>) => {
    const collected: unknown[] = [];
    for await (const output of mageContext()?.results ?? []) collected.push(output);
    notes.keep({ ...input, collected });
  },
});

beforeAll(() =>
  fixture.worker([
    ...notes.tasks,
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

const give = [{ size: 1 }, { size: 2 }];

describe('where a result arrives', () => {
  test.each(Object.keys(marks).map((kind, i) => [kind, i] as const))('a mark is seen: %s', async (kind, i) => {
    const task = marked[i];
    if (!task) throw new Error('missing');
    const parent = await mage.sign(work, { give }, { successCallbacks: [await mage.sign(task, { tag: 'mark' })] });
    await parent.run();
    expect((await notes.only(`mark ${kind}`, parent)).input).toEqual({ tag: `mark ${kind}`, rows: give });
  });

  test('in the marked field of a schema that is transformed as a whole', async () => {
    const callback = await mage.sign(wholeTransformed, { tag: 'transformed' });
    const parent = await mage.sign(work, { give }, { successCallbacks: [callback] });
    await parent.run();
    expect((await notes.only('transformed', parent)).input).toEqual({ tag: 'transformed', rows: give, extra: true });
  });

  test.each(Object.keys(wholes).map((kind, i) => [kind, i] as const))(
    'in the marked field of a message that is made as: %s',
    async (kind, i) => {
      const tag = `whole ${kind}`;
      const data = kind === 'discriminated union' ? { tag, kind: 'b' } : { tag };
      const callback = await mage.sign(`whole-${i}`, data);
      const parent = await mage.sign(work, { give }, { successCallbacks: [callback] });
      await parent.run();
      expect((await notes.only(tag, parent)).input).toEqual({ ...data, rows: give });
    },
  );

  test('a strict schema takes it in its marked field, and in returnValue', async () => {
    const callbacks = [
      await mage.sign(strict, { tag: 'strict' }),
      await mage.sign(strictDefault, { tag: 'strict default' }),
    ];
    const parent = await mage.sign(work, { give }, { successCallbacks: callbacks });
    await parent.run();
    expect((await notes.only('strict', parent)).input).toEqual({ tag: 'strict', rows: give });
    expect((await notes.only('strict default', parent)).input).toEqual({ tag: 'strict default', returnValue: give });
  });

  test('a strict schema without a field for it refuses it, one that strips goes without', async () => {
    const refusing = await mage.sign(strictWithout, { tag: 'strict without' });
    const parent = await mage.sign(
      work,
      { give },
      { successCallbacks: [refusing, await mage.sign(stripping, { tag: 'stripped' })] },
    );
    await parent.run();
    expect((await notes.only('stripped', parent)).input).toEqual({ tag: 'stripped' });
    expect(notes.of('strict without')).toEqual([]);
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
    const signature = await mage.sign(strictDefault, { tag: 'own returnValue' });
    await signature.run({ returnValue: give });
    expect((await notes.only('own returnValue', signature)).input['returnValue']).toEqual(give);
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
    const parent = await mage.sign(work, value === undefined ? {} : { give: value }, {
      successCallbacks: [await mage.sign(note, { tag: `got ${name}`, bound: { x: 1 } })],
    });
    await expect(parent.run({ sent: 'not for callbacks' })).resolves.toEqual(expected);
    const { input } = await notes.only(`got ${name}`, parent);
    expect(input).toEqual({ tag: `got ${name}`, bound: { x: 1 }, returnValue: expected });
  });

  test('the result, also when data of the same name are bound', async () => {
    const callback = await mage.sign(note, { tag: 'result wins', returnValue: { b: 'bound' } });
    const parent = await mage.sign(work, { give: { a: 1, b: 2 } }, { successCallbacks: [callback] });
    await parent.run();
    expect((await notes.only('result wins', parent)).input['returnValue']).toEqual({ a: 1, b: 2 });
  });
});

describe('what a success callback of a swarm gets', () => {
  test('the outputs in the order of adding, undefined as null, without the failed ones', async () => {
    const batch = await mage.swarm({
      tasks: [
        [once, { give: 0, hold: 'order' }],
        [once, { fail: 'left out' }],
        [once, {}],
        [once, { give: [3] }],
        [once, { give: null }],
      ],
      successCallbacks: [await mage.sign(note, { tag: 'in order' })],
      isSwarmClosed: true,
    });
    const handle = await batch.runNoWait({ swarmMessage: true });
    await eventually('all others have ended', async () => (await batch.progress()).succeeded === 3);
    notes.open('order');
    await expect(handle.output).resolves.toEqual([0, null, [3], null]);
    const { input, context } = await notes.only('in order', batch);
    expect(input).toEqual({ tag: 'in order', returnValue: [0, null, [3], null] });
    expect(context).toMatchObject({ swarmId: batch.id });
    expect(context).not.toHaveProperty('index');
  });

  test('an empty list for an empty swarm and for one in which all failed', async () => {
    for (const [tag, tasks] of [
      ['empty', []],
      ['all failed', [[once, { fail: 'x' }]]],
    ] as const) {
      const successCallbacks = [await mage.sign(note, { tag })];
      const batch = await mage.swarm({ tasks, successCallbacks, isSwarmClosed: true });
      await batch.run();
      expect((await notes.only(tag, batch)).input['returnValue']).toEqual([]);
    }
  });

  test('the same outputs one after another from mageContext().results', async () => {
    const batch = await mage.swarm({
      tasks: [1, 2, 3].map((value) => [once, { give: value }] as const),
      successCallbacks: [await mage.sign(collecting, { tag: 'collected' })],
      isSwarmClosed: true,
    });
    await batch.run();
    expect((await notes.only('collected', batch)).input).toMatchObject({
      returnValue: [1, 2, 3],
      collected: [1, 2, 3],
    });
  });
});

describe('mageContext()', () => {
  test("in an item: the signature's id, the swarm's and its index", async () => {
    const batch = await mage.swarm({ tasks: [[once, { tag: 'context a' }]], isSwarmClosed: false });
    const signed = await mage.sign(once, { tag: 'context b' });
    await batch.addTask(signed);
    await batch.closeSwarm();
    await batch.run();
    const [a] = notes.of('context a');
    const [b] = notes.of('context b');
    expect(a?.context).toEqual({ signatureId: `${batch.id}~0`, swarmId: batch.id, index: 0, message: {} });
    expect(b?.context).toEqual({ signatureId: signed.id, swarmId: batch.id, index: 1, message: {} });
  });

  test('in a signature that was run alone, and in its callback', async () => {
    const callback = await mage.sign(note, { tag: 'context callback' });
    const signature = await mage.sign(once, { tag: 'context alone' }, { successCallbacks: [callback] });
    await signature.run();
    expect((await notes.only('context alone', signature)).context).toEqual({ signatureId: signature.id, message: {} });
    expect((await notes.only('context callback', signature)).context).toEqual({
      signatureId: callback.id,
      message: {},
    });
  });

  test('undefined in a plain run, and outside of every body', async () => {
    await once.run({ tag: 'plain' });
    expect(notes.of('plain').map(({ context }) => context)).toEqual([undefined]);
    expect(mageContext()).toBeUndefined();
  });
});
