// Pins (api.md, Chains and Messages): a chain takes what its first step takes and gives what its last one gives; a step
// whose result field can't take what the one before it gives does not compile where both are known, and whatever is
// unknown (names, no field for it, any, void) compiles. What is handed on is JSON: a date arrives as a text.
import { z } from 'zod';
import * as mageflow from 'mageflow';
import { returnValue, type Chain, type Mageflow, type Signature, type TaskLike } from 'mageflow';
import type { HatchetClient, JsonObject } from '@hatchet-dev/typescript-sdk';
import { exactly } from './helpers';

export async function whatItTakesAndGives(mage: Mageflow): Promise<void> {
  const { extract, transform, load, done, alertOps } = tasksOf(mage);
  const etl = await mage.chain([extract, transform, load], {
    name: 'etl',
    key: 'etl-1',
    successCallbacks: [
      'by-name',
      await mage.sign(done, { channel: 'ops' }),
      await mage.chain([await mage.sign(done, { channel: 'ops' })]),
    ],
    errorCallbacks: [alertOps, await mage.swarm({ tasks: [alertOps] })],
    additionalMetadata: { team: 'data' },
    priority: 2,
    sticky: true,
    desiredWorkerLabels: {},
  });
  const declared: Chain<{ url: string }, { loaded: number }> = etl;
  exactly<'chain'>()(declared.kind);
  exactly<{ loaded: number }>()(await etl.run({ url: 'x' }, { timeoutMs: 5_000 }));
  exactly<{ loaded: number }>()(await (await etl.runNoWait({ url: 'x' }, { priority: 3 })).output);
  // @ts-expect-error -- the first step needs its url
  await etl.run({});
  // @ts-expect-error -- the first step's url is a text
  await etl.run({ url: 5 });

  const one = await mage.chain([extract]);
  exactly<{ rows: number[] }>()(await one.run({ url: 'x' }));
  const ofModule = await mageflow.chain([extract, transform, load], { name: 'etl' });
  exactly<typeof etl>()(ofModule);
  const untyped = await mage.chain([]);
  await untyped.run();

  // @ts-expect-error -- a number is no step
  await mage.chain([extract, 5]);
  // @ts-expect-error -- there is no such option of a chain
  await mage.chain([extract], { config: { maxConcurrency: 5 } });
  // @ts-expect-error -- callbacks are tasks
  await mage.chain([extract], { successCallbacks: [5] });
}

export async function whatDoesNotFit(mage: Mageflow): Promise<void> {
  const { extract, transform, load, addOne, asText, sum } = tasksOf(mage);
  // @ts-expect-error -- transform takes an object with rows, addOne gives a number
  await mage.chain([addOne, transform]);
  // @ts-expect-error -- load's marked field takes numbers, extract gives an object
  await mage.chain([extract, load]);
  // @ts-expect-error -- the third step takes a number, the second gives a text
  await mage.chain([addOne, asText, addOne]);
  // @ts-expect-error -- signatures are checked as their tasks are
  await mage.chain([await mage.sign(asText), await mage.sign(addOne)]);
  // @ts-expect-error -- a name that is typed too
  await mage.chain([asText, await mage.sign<typeof addOne>('add-one')]);
  // @ts-expect-error -- a swarm gives a list
  await mage.chain([await mage.swarm({ tasks: [addOne] }), addOne]);
  // @ts-expect-error -- of texts here
  await mage.chain([await mage.swarm({ tasks: [asText] }), sum]);
  // @ts-expect-error -- a chain gives what its last step gives
  await mage.chain([await mage.chain([addOne, asText]), addOne]);
  // @ts-expect-error -- in the module's chain as well
  await mageflow.chain([asText, addOne]);

  const sometimes = mage.task({ name: 'sometimes', fn: (input: { a: string }) => (input.a ? 5 : null) });
  // @ts-expect-error -- it gives null too
  await mage.chain([sometimes, addOne]);
  const withAny = mage.task({
    name: 'beside-any',
    input: z.object({ anything: z.any(), rows: returnValue(z.array(z.string())) }),
    fn: ({ rows }) => rows.length,
  });
  // @ts-expect-error -- a field of any type beside the marked one says nothing
  await mage.chain([addOne, withAny]);
  const optional = mage.task({ name: 'optional', fn: (): { a?: number } => ({}) });
  const takesText = mage.task({ name: 'takes-text', fn: (input: { returnValue: { a: string } }) => input });
  // @ts-expect-error -- an object with optional fields is known all the same
  await mage.chain([optional, takesText]);
  const dates = mage.task({ name: 'dates', fn: () => ({ at: new Date() }) });
  const takesCount = mage.task({ name: 'takes-count', fn: (input: { returnValue: { at: number } }) => input });
  // @ts-expect-error -- a date arrives as a text, not as a number
  await mage.chain([dates, takesCount]);
}

export async function whatIsUnknown(mage: Mageflow, hatchet: HatchetClient): Promise<void> {
  const { load, done, addOne, asText } = tasksOf(mage);
  await mage.chain(['extract', 'transform', addOne, 'load']);
  await mage.chain([asText, await mage.sign('other'), addOne]);
  // No field for a result: the task works on its bound data alone.
  await mage.chain([addOne, await mage.sign(done, { channel: 'ops' })]);
  const loose = mage.task({ name: 'loose', fn: () => {} });
  await mage.chain([addOne, loose, addOne]);

  const any = mage.task({ name: 'any', fn: (input: any): any => input });
  await mage.chain([addOne, any, asText, any, load]);
  const unknown = mage.task({ name: 'unknown', fn: (): unknown => 1 });
  await mage.chain([unknown, addOne]);
  const throws = mage.task({ name: 'throws', fn: (): never => process.exit(1) });
  await mage.chain([throws, addOne]);
  const untyped = mage.workflow({ name: 'untyped', input: z.object({ a: z.string() }) });
  const afterWorkflow = mage.task({
    name: 'after-workflow',
    input: z.object({ returnValue: z.object({ first: z.object({ n: z.number() }) }) }),
    fn: (input) => input.returnValue.first.n,
  });
  await mage.chain([untyped, afterWorkflow]);
  await mage.chain([mage.workflow<{ a: string }, { first: { n: number } }>({ name: 'typed' }), afterWorkflow]);
  // The SDK's default output is void, whatever the body gives.
  const plain = hatchet.task<{ a: string }>({ name: 'plain', fn: ({ a }) => console.log(a) });
  await mage.chain([mage.wrap(plain), addOne]);
  const other = hatchet.task({ name: 'other', fn: (input: { returnValue: { a: number } }) => input.returnValue });
  await mage.chain([plain, other, await mage.sign(other)]);
  // @ts-expect-error -- what a plain declaration says counts
  await mage.chain([other, addOne]);
  const json = mage.task({ name: 'json', fn: (): { body: unknown; more: JsonObject } => ({ body: 1, more: {} }) });
  const takesBody = mage.task({
    name: 'takes-body',
    input: z.object({ returnValue: z.object({ body: z.string(), more: z.object({ a: z.number() }) }) }),
    fn: (input) => input.returnValue.body,
  });
  await mage.chain([json, takesBody]);
}

export async function whatIsJson(mage: Mageflow): Promise<void> {
  interface Row {
    id: number;
    at: Date;
    note?: string;
    readonly tags: readonly string[];
    more: { deep: Date | null } | undefined;
  }
  const rows = mage.task({ name: 'rows', fn: async (): Promise<Row[]> => Promise.resolve([]) });
  const parsed = z.object({ id: z.number(), at: z.coerce.date(), note: z.string().optional() });
  const asDates = mage.task({ name: 'as-dates', input: z.object({ returnValue: z.array(parsed) }), fn: () => 1 });
  await mage.chain([rows, asDates]);
  const texts = z.object({
    id: z.number(),
    at: z.iso.datetime(),
    tags: z.array(z.string()),
    more: z.object({ deep: z.string().nullable() }).optional(),
  });
  const asTexts = mage.task({ name: 'as-texts', input: z.object({ rows: returnValue(z.array(texts)) }), fn: () => 1 });
  await mage.chain([rows, asTexts]);
  const asRows = mage.task({ name: 'as-rows', fn: (input: { returnValue: Row[] }) => input.returnValue.length });
  await mage.chain([rows, asRows]);
  const asJson = mage.task({ name: 'as-json', fn: (input: { returnValue: JsonObject[] }) => input.returnValue });
  await mage.chain([rows, asJson, asJson]);
  const asAnyJson = mage.task({ name: 'any-json', input: z.object({ returnValue: z.json() }), fn: () => 1 });
  await mage.chain([rows, asAnyJson, asAnyJson]);
  const asRecord = mage.task({
    name: 'as-record',
    input: z.object({ returnValue: z.array(z.record(z.string(), z.unknown())) }),
    fn: () => 1,
  });
  await mage.chain([rows, asRecord]);
  interface Tree {
    at: Date;
    children: Tree[];
  }
  interface TextTree {
    at: string;
    children: TextTree[];
  }
  const tree = mage.task({ name: 'tree', fn: (): Tree => ({ at: new Date(), children: [] }) });
  const textTree = mage.task({ name: 'text-tree', fn: (input: { returnValue: TextTree }) => input.returnValue });
  await mage.chain([tree, textTree]);
  const eitherWay = mage.task({ name: 'either', fn: (input: { n: number }) => (input.n > 0 ? { a: 1 } : { b: 'x' }) });
  const takesEither = mage.task({
    name: 'takes-either',
    input: z.object({ returnValue: z.object({ a: z.number().optional(), b: z.string().optional() }) }),
    fn: () => 1,
  });
  await mage.chain([eitherWay, takesEither]);
  const takesUnion = mage.task({
    name: 'takes-union',
    input: z.object({ returnValue: z.union([z.object({ a: z.number() }), z.object({ b: z.string() })]) }),
    fn: () => 1,
  });
  await mage.chain([eitherWay, takesUnion]);
}

export async function marks(mage: Mageflow): Promise<void> {
  const number = mage.task({ name: 'number', fn: (input: { returnValue?: number }) => input.returnValue ?? 0 });
  const fields = {
    bare: returnValue(z.number()),
    nullable: returnValue(z.number()).nullable(),
    nullableInside: returnValue(z.number().nullable()),
    optionalInside: returnValue(z.number().optional()),
    nullishInside: returnValue(z.number().nullish()),
    default: returnValue(z.number()).default(1),
    refined: returnValue(z.number()).min(1).readonly(),
    coerced: returnValue(z.coerce.number()),
    unknown: returnValue(z.unknown()),
    any: returnValue(z.any()),
    either: returnValue(z.union([z.number(), z.string()])),
    literal: returnValue(z.number()).pipe(z.literal([1, 2])),
  };
  const of = <K extends keyof typeof fields>(field: K) =>
    mage.task({ name: field, input: z.object({ n: fields[field] }), fn: () => 1 });
  await mage.chain([number, of('bare'), of('nullable'), of('nullableInside'), of('optionalInside'), number]);
  await mage.chain([number, of('nullishInside'), of('default'), of('refined'), of('coerced'), number]);
  await mage.chain([number, of('unknown'), of('any'), of('either'), of('literal'), number]);

  // A marked field is sent and bound like any other.
  const bare = mage.task({ name: 'bare', input: z.object({ n: fields.bare }), fn: ({ n }) => n });
  await (await mage.sign(bare)).run({ n: 5 });
  await (await mage.sign(bare, { n: 5 })).run();
  await bare.run({ n: 5 });
  // @ts-expect-error -- it keeps its type
  await mage.sign(bare, { n: 'x' });
  const nullable = mage.task({ name: 'nullable', input: z.object({ n: fields.nullishInside }), fn: ({ n }) => n });
  await (await mage.sign(nullable)).run({ n: null });
  await (await mage.sign(nullable, { n: null })).run();
  await nullable.run({});
  const unknown = mage.task({ name: 'unknown', input: z.object({ n: fields.unknown }), fn: ({ n }) => n });
  await (await mage.sign(unknown)).run({ n: 'anything' });
  const coerced = mage.task({ name: 'coerced', input: z.object({ n: fields.coerced }), fn: ({ n }) => n });
  await (await mage.sign(coerced, { n: '5' })).run();
  const kind = mage.task({
    name: 'kind',
    input: z.object({
      of: returnValue(
        z.discriminatedUnion('kind', [z.object({ kind: z.literal('a'), n: z.number() }), z.object({ kind: z.null() })]),
      ),
      flag: z.boolean(),
    }),
    fn: ({ of }) => of.kind,
  });
  await (await mage.sign(kind)).run({ of: { kind: 'a', n: 1 }, flag: true });
  await (await mage.sign(kind, { of: { kind: null } })).run({ flag: false });
}

export async function steps(mage: Mageflow): Promise<void> {
  const { extract, transform, load, addOne, sum } = tasksOf(mage);
  // Data bound to a step, also to the fields beside the one of the result.
  const bound = await mage.chain([
    await mage.sign(extract, { url: 'x' }, { name: 'rows', errorCallbacks: ['alert'] }),
    await mage.sign(transform, { factor: 2 }),
    await mage.sign<typeof load>('load', { table: 'x' }),
  ]);
  exactly<{ loaded: number }>()(await bound.run());
  await bound.run({ url: 'another' });

  const inner = await mage.chain([extract, transform]);
  const outer = await mage.chain([inner, load]);
  exactly<{ loaded: number }>()(await outer.run({ url: 'x' }));
  const swarm = await mage.swarm({ tasks: [addOne, await mage.chain([addOne, addOne])], isSwarmClosed: true });
  const counted = await mage.chain([extract, swarm, sum, addOne]);
  exactly<number>()(await counted.run({ url: 'x' }));
  const first = await mage.chain([swarm, sum]);
  exactly<number>()(await first.run());
  const last = await mage.chain([extract, swarm]);
  exactly<number[]>()(await last.run({ url: 'x' }));

  // Lists made at runtime say nothing of their order.
  const alike = await mage.chain(Array.from({ length: 50 }, () => addOne));
  exactly<number>()(await alike.run({ returnValue: 1 }));
  const signed = await mage.chain(await Promise.all([1, 2].map((returnValue) => mage.sign(addOne, { returnValue }))));
  exactly<number>()(await signed.run());
  const mixed: TaskLike[] = [extract, 'x'];
  await (await mage.chain(mixed)).run({ anything: 1 });

  const signatures: Signature<any, any>[] = [];
  await mage.chain([extract, ...signatures]);
  await mage.chain([...signatures, load]);
  const { run } = await mage.chain([extract, ...signatures, load]);
  await run({ url: 'x' });
  const fixed = [extract, transform] as const;
  exactly<number[]>()(await (await mage.chain(fixed)).run({ url: 'x' }));
  await mage.chain([process.argv.length > 2 ? addOne : sum, addOne]);
  const a = addOne;
  const long = await mage.chain([
    ...([a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a] as const),
    ...([a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a] as const),
  ]);
  exactly<number>()(await long.run({ returnValue: 1 }));
}

function tasksOf(mage: Mageflow) {
  return {
    extract: mage.task({
      name: 'extract',
      input: z.object({ url: z.string() }),
      fn: async ({ url }) => Promise.resolve({ rows: [url.length] }),
    }),
    transform: mage.task({
      name: 'transform',
      input: z.object({ returnValue: z.object({ rows: z.array(z.number()) }), factor: z.number() }),
      fn: (input) => input.returnValue.rows.map((row) => row * input.factor),
    }),
    load: mage.task({
      name: 'load',
      input: z.object({ table: z.string(), rows: returnValue(z.array(z.number())) }),
      fn: ({ rows }) => ({ loaded: rows.length }),
    }),
    done: mage.task({ name: 'done', input: z.object({ channel: z.string() }), fn: ({ channel }) => channel }),
    alertOps: mage.task({ name: 'alert-ops', fn: (input: { error: { message: string } }) => input.error.message }),
    addOne: mage.task({ name: 'add-one', fn: (input: { returnValue: number }) => input.returnValue + 1 }),
    asText: mage.task({ name: 'as-text', fn: async (input: { returnValue: number }) => String(input.returnValue) }),
    sum: mage.task({
      name: 'sum',
      input: z.object({ all: returnValue(z.array(z.number())) }),
      fn: ({ all }) => all.length,
    }),
  };
}
