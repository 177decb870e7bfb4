import { withoutRootSwarm } from '../../../src';
import { openRoots, type DurableBody } from '../../helpers/roots';
import { declareNumbers } from '../../helpers/numbers';
import { rejection } from '../../helpers/outcomes';

// In a durable body the SDK starts children in another way: `run` of a declaration is `ctx.spawnChild`.
const { fixture, mage, roots, gauge, step, retriedWork, others } = openRoots();
const { hatchet } = fixture;
const root = roots.declareDurable('capturing', { maxConcurrency: 3 });
const { double, wrapped, unwrapped, durable, pipeline, failing } = declareNumbers(fixture);
const existing = mage.wrap(
  hatchet.durableTask({
    name: 'existing',
    fn: async (input: Record<string, unknown>, ctx) => {
      await ctx.sleepFor('1s');
      return { outputs: (await roots.run(input, ctx)) as { n: number }[] };
    },
  }),
  { root: { maxConcurrency: 2 } },
);
others.push(double, wrapped, unwrapped, durable, pipeline, failing, existing);

/** The names and outputs of the children of a durable root that runs this body, and what the body gave. */
async function childrenOf(body: DurableBody, task: Parameters<typeof roots.signDurable>[0] = root) {
  const signature = await roots.signDurable(task, body);
  const given: unknown = await signature.run();
  const children: unknown[] = [];
  for await (const { index, name, output, error } of (await signature.children()).results())
    children[index] = [name, error ?? output];
  return { given, children };
}

const numbers = [1, 2, 3];
const inputs = numbers.map((n) => ({ n }));
const runs = inputs.map((input) => ({ input }));
const outputs = (factor: number) => numbers.map((n) => ({ n: n * factor }));
const three = (name: string, factor: number) => numbers.map((n) => [name, { n: n * factor }]);

describe.each([
  ['made by mageflow', double, 'double', 2],
  ['wrapped by mageflow', wrapped, 'wrapped', 3],
])('in a durable body, a declaration %s', (_, task, name, factor) => {
  test('is captured by run, which gives its output', async () => {
    const { given, children } = await childrenOf(async () => [await task.run({ n: 7 }), await task.run(inputs)]);
    expect(given).toEqual([{ n: 7 * factor }, outputs(factor)]);
    expect(children).toEqual([[name, { n: 7 * factor }], ...three(name, factor)]);
  });

  test('is captured by runNoWait, runMany and runManyNoWait', async () => {
    const { given, children } = await childrenOf(async () => {
      const one = await task.runNoWait({ n: 9 });
      const refs = [...(await task.runNoWait(inputs)), ...(await task.runManyNoWait(runs))];
      return [await one.output, await Promise.all(refs.map((ref) => ref.output)), await task.runMany(runs)];
    });
    expect(given).toEqual([{ n: 9 * factor }, [...outputs(factor), ...outputs(factor)], outputs(factor)]);
    const each = three(name, factor);
    expect(children).toEqual([[name, { n: 9 * factor }], ...each, ...each, ...each]);
  });

  test('is captured by spawnChild, spawnChildren and runChild of the context', async () => {
    const { given, children } = await childrenOf(async (_, ctx) => [
      await ctx.spawnChild(task as never, { n: 1 }),
      await ctx.spawnChildren(inputs.map((input) => ({ workflow: task as never, input }))),
      await ctx.runChild(task as never, { n: 2 }),
      await (await ctx.runNoWaitChild(task as never, { n: 3 })).output,
      await ctx.bulkRunChildren([{ workflow: task as never, input: { n: 4 } }]),
    ]);
    const of = (n: number) => ({ n: n * factor });
    expect(given).toEqual([of(1), outputs(factor), of(2), of(3), [of(4)]]);
    expect(children).toEqual([1, 1, 2, 3, 2, 3, 4].map((n) => [name, of(n)]));
  });
});

describe('in a durable body', () => {
  test('signatures, chains and swarms are captured, under the limit of the root', async () => {
    gauge.fill(3);
    const { given, children } = await childrenOf(async (_, ctx) => {
      const handles = [];
      for (let n = 0; n < 6; n++) handles.push(await (await mage.sign(step, { n })).runNoWait());
      const chain = await (await mage.chain([await mage.sign(retriedWork, { value: 'in a chain' })])).run({});
      const swarm = await mage.swarm({ tasks: [[retriedWork, { value: 'in a swarm' }]], isSwarmClosed: true });
      await ctx.sleepFor('1s');
      return [chain, await swarm.run(), (await Promise.all(handles.map(({ output }) => output))).length];
    });
    expect(given).toEqual(['in a chain', ['in a swarm'], 6]);
    expect(children).toHaveLength(8);
    expect(gauge.max).toBe(3);
  });

  test('durable tasks and workflows are captured, with the output that the SDK gives', async () => {
    const { given, children } = await childrenOf(async (_, ctx) => [
      await durable.run({ n: 1 }),
      await pipeline.run({ n: 1 }),
      await ctx.spawnChild(pipeline as never, { n: 2 }),
    ]);
    expect(given).toEqual([{ n: 5 }, { first: { n: 1 }, second: { n: 2 } }, { first: { n: 2 }, second: { n: 3 } }]);
    expect(children).toEqual(['durable', 'pipeline', 'pipeline'].map((name, i) => [name, (given as unknown[])[i]]));
  });

  test('a task that is spawned by its name gives what the SDK gives for a name', async () => {
    const { given, children } = await childrenOf(async (_, ctx) => [
      await ctx.spawnChild('double', { n: 4 }),
      await withoutRootSwarm(() => ctx.spawnChild('double', { n: 4 })),
    ]);
    expect(given).toEqual([{ n: 8 }, { n: 8 }]);
    expect(children).toEqual([['double', { n: 8 }]]);
  });

  test('a child that fails rejects, and counts as a failed child', async () => {
    const { given, children } = await childrenOf(async (_, ctx) => [
      (await rejection(failing.run({}))).message,
      (await rejection(ctx.spawnChild(failing as never, {}))).message,
    ]);
    expect(given).toEqual(['failing failed: it failed', 'failing failed: it failed']);
    expect(children).toEqual([
      ['failing', 'it failed'],
      ['failing', 'it failed'],
    ]);
  });

  test('runs of one child key are one child', async () => {
    const { given, children } = await childrenOf(async (_, ctx) => [
      await double.run({ n: 1 }, { childKey: 'same' }),
      await ctx.spawnChild(double as never, { n: 2 }, { key: 'same' }),
    ]);
    expect(given).toEqual([{ n: 2 }, { n: 2 }]);
    expect(children).toEqual([['double', { n: 2 }]]);
  });

  test('the same request twice in one list is two children', async () => {
    const request = { workflow: double as never, input: { n: 1 } };
    const { given, children } = await childrenOf((_, ctx) => ctx.spawnChildren([request, request]));
    expect(given).toEqual([{ n: 2 }, { n: 2 }]);
    expect(children).toHaveLength(2);
  });

  test('declarations that nobody wrapped are not captured, and return the same, also together with captured ones', async () => {
    const { given, children } = await childrenOf(async (_, ctx) => [
      await unwrapped.run({ n: 1 }),
      await (await unwrapped.runNoWait({ n: 2 })).output,
      await ctx.spawnChildren([
        { workflow: unwrapped as never, input: { n: 3 } },
        { workflow: double as never, input: { n: 3 } },
        { workflow: unwrapped as never, input: { n: 4 } },
      ]),
    ]);
    expect(given).toEqual([{ n: 4 }, { n: 8 }, [{ n: 12 }, { n: 6 }, { n: 16 }]]);
    expect(children).toEqual([['double', { n: 6 }]]);
  });

  test('what is excluded by withoutRootSwarm is not captured, and gives the same', async () => {
    const { given, children } = await childrenOf(async (_, ctx) =>
      withoutRootSwarm(async () => [
        await (await mage.sign(retriedWork, { value: 'signed' })).run({}),
        await double.run({ n: 1 }),
        await double.run(inputs),
        await pipeline.run({ n: 1 }),
        await ctx.spawnChild(double as never, { n: 2 }),
        await ctx.runChild(double as never, { n: 3 }),
      ]),
    );
    const piped = { first: { n: 1 }, second: { n: 2 } };
    expect(given).toEqual(['signed', { n: 2 }, outputs(2), piped, { n: 4 }, { n: 6 }]);
    expect(children).toEqual([]);
  });

  test('a durable task that exists is made a durable root by wrap', async () => {
    const { given, children } = await childrenOf(() => double.run(inputs), existing);
    expect(given).toEqual({ outputs: outputs(2) });
    expect(children).toEqual(three('double', 2));
  });
});

test('outside a root a durable body runs the same declarations as without mageflow', async () => {
  const plain = mage.durableTask({
    name: 'plain-durable',
    fn: async (_: Record<string, never>, ctx) => [
      await double.run({ n: 1 }),
      await ctx.spawnChild<{ n: number }, { n: number }>('double', { n: 2 }),
    ],
  });
  await fixture.worker([plain]);
  const before = await fixture.writtenKeys();
  expect(await plain.run({})).toEqual([{ n: 2 }, { n: 4 }]);
  expect(await fixture.writtenKeys()).toEqual(before);
});
