import { eventually } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';
import { declareNumbers } from '../../helpers/numbers';
import { rejection } from '../../helpers/outcomes';

const { fixture, mage, roots, root, others } = openRoots({ maxConcurrency: 3 });
const { hatchet } = fixture;
const { double, wrapped, unwrapped, durable, pipeline, failing } = declareNumbers(fixture);
others.push(double, wrapped, unwrapped, durable, pipeline, failing);

/** The names and outputs of the children of a root that runs this body, and what the body gave. */
async function childrenOf(body: Parameters<typeof roots.sign>[1]) {
  const signature = await roots.sign(root, body);
  const given: unknown = await signature.run();
  const children: unknown[] = [];
  for await (const { index, name, output, error } of (await signature.children()).results())
    children[index] = [name, error ?? output];
  return { given, children, signature };
}

const runs = [1, 2, 3].map((n) => ({ input: { n } }));
const inputs = runs.map(({ input }) => input);
const three = (name: string, factor: number) => inputs.map(({ n }) => [name, { n: n * factor }]);
const outputs = (factor: number) => inputs.map(({ n }) => ({ n: n * factor }));

describe.each([
  ['made by mageflow', double, 'double', 2],
  ['wrapped by mageflow', wrapped, 'wrapped', 3],
])('a declaration %s', (_, task, name, factor) => {
  test('is captured by run, which gives its output', async () => {
    const { given, children } = await childrenOf(() => task.run({ n: 7 }));
    expect(given).toEqual({ n: 7 * factor });
    expect(children).toEqual([[name, { n: 7 * factor }]]);
  });

  test('is captured by run with a list, each input as one child', async () => {
    const { given, children } = await childrenOf(() => task.run(inputs));
    expect(given).toEqual(outputs(factor));
    expect(children).toEqual(three(name, factor));
  });

  test("is captured by runNoWait, which gives the SDK's reference", async () => {
    const { given, children } = await childrenOf(async () => {
      const ref = await task.runNoWait({ n: 1 });
      const runId = await ref.runId;
      return { class: ref.constructor.name, runId, again: await ref.getWorkflowRunId(), output: await ref.output };
    });
    const { runId, ...rest } = given as { runId: string };
    expect(rest).toEqual({ class: 'WorkflowRunRef', again: runId, output: { n: factor } });
    const taskRuns = await eventually('the engine has its end', async () => {
      const details = await hatchet.runs.getDetails(runId);
      return details.done && Object.values(details.taskRuns);
    });
    expect(taskRuns.map((task) => task.output)).toEqual([{ n: factor }]);
    expect(children).toEqual([[name, { n: factor }]]);
  });

  test('is captured by runNoWait with a list, each input as one child with a reference of its own', async () => {
    const { given, children } = await childrenOf(async () => {
      const refs = await task.runNoWait(inputs);
      return {
        ids: await Promise.all(refs.map((ref) => ref.runId)),
        outputs: await Promise.all(refs.map((ref) => ref.output)),
      };
    });
    const { ids, outputs: got } = given as { ids: string[]; outputs: unknown[] };
    expect(new Set(ids).size).toBe(3);
    expect(got).toEqual(outputs(factor));
    expect(children).toEqual(three(name, factor));
  });

  test('is captured by runMany and runManyNoWait', async () => {
    const { given, children } = await childrenOf(async () => {
      const refs = await task.runManyNoWait(runs);
      return [await task.runMany(runs), await Promise.all(refs.map((ref) => ref.output))];
    });
    expect(given).toEqual([outputs(factor), outputs(factor)]);
    expect(children).toEqual([...three(name, factor), ...three(name, factor)]);
  });
});

describe('declarations', () => {
  test('that are durable tasks and workflows are captured too', async () => {
    const { given, children } = await childrenOf(async () => [
      await durable.run({ n: 1 }),
      await pipeline.run({ n: 1 }),
    ]);
    expect(given).toEqual([{ n: 5 }, { first: { n: 1 }, second: { n: 2 } }]);
    expect(children).toEqual([
      ['durable', { n: 5 }],
      ['pipeline', { first: { n: 1 }, second: { n: 2 } }],
    ]);
  });

  test('that fail reject, and count as failed children', async () => {
    const { given, children } = await childrenOf(async () => {
      const ref = await failing.runNoWait({});
      return [(await rejection(failing.run({}))).message, (await rejection(ref.output)).message];
    });
    expect(given).toEqual(['failing failed: it failed', 'failing failed: it failed']);
    expect(children).toEqual([
      ['failing', 'it failed'],
      ['failing', 'it failed'],
    ]);
  });

  test('of one child key are one child', async () => {
    const { given, children } = await childrenOf(async () => [
      await double.run({ n: 1 }, { childKey: 'same' }),
      await double.run({ n: 2 }, { childKey: 'same' }),
    ]);
    expect(given).toEqual([{ n: 2 }, { n: 2 }]);
    expect(children).toEqual([['double', { n: 2 }]]);
  });

  test('pass the options of the run on', async () => {
    const { given } = await childrenOf(
      async () => (await double.runNoWait({ n: 1 }, { additionalMetadata: { team: 'blue' } })).runId,
    );
    const { run } = await eventually('the engine shows the run', () => hatchet.runs.get(given as string));
    expect(run.additionalMetadata).toMatchObject({ team: 'blue' });
  });

  test('that are many become as many children, in order', async () => {
    const many = Array.from({ length: 50 }, (_, n) => ({ n }));
    const { given, children } = await childrenOf(() => double.run(many));
    expect(given).toEqual(many.map(({ n }) => ({ n: 2 * n })));
    expect(children).toEqual(many.map(({ n }) => ['double', { n: 2 * n }]));
  });

  test('that nobody wrapped are not captured, whose output is the same', async () => {
    const { given, children } = await childrenOf(async () => [
      await unwrapped.run({ n: 1 }),
      await (await unwrapped.runNoWait({ n: 2 })).output,
    ]);
    expect(given).toEqual([{ n: 4 }, { n: 8 }]);
    expect(children).toEqual([]);
  });

  test('run by the client are not captured', async () => {
    const { given, children } = await childrenOf(async () => [
      await mage.hatchet.run('double', { n: 1 }),
      await (await mage.hatchet.runNoWait(double, { n: 2 }, {})).output,
    ]);
    expect(given).toEqual([{ double: { n: 2 } }, { double: { n: 4 } }]);
    expect(children).toEqual([]);
  });

  test('that are scheduled or delayed are not captured', async () => {
    const { given, children } = await childrenOf(async () => {
      const inAnHour = new Date(Date.now() + 3_600_000);
      const scheduled = [await double.schedule(inAnHour, { n: 1 }), await double.delay(3_600, { n: 2 })];
      const ids = scheduled.map(({ metadata }) => metadata.id);
      for (const id of ids) await hatchet.scheduled.delete(id);
      return ids.length;
    });
    expect(given).toBe(2);
    expect(children).toEqual([]);
  });
});

describe('what the context runs', () => {
  test('by runChild and runNoWaitChild', async () => {
    const { given, children } = await childrenOf(async (_, ctx) => {
      const ref = await ctx.runNoWaitChild('double', { n: 3 });
      const runId = await ref.getWorkflowRunId();
      return [
        await ctx.runChild('double', { n: 1 }),
        await ctx.runChild(double as never, { n: 2 }),
        await ref.output,
        typeof runId,
      ];
    });
    expect(given).toEqual([{ double: { n: 2 } }, { n: 4 }, { double: { n: 6 } }, 'string']);
    expect(children).toEqual([3, 1, 2].map((n) => ['double', { n: n * 2 }]));
  });

  test('by bulkRunChildren and bulkRunNoWaitChildren', async () => {
    const { given, children } = await childrenOf(async (_, ctx) => {
      const bulk = (...numbers: number[]) => numbers.map((n) => ({ workflow: double as never, input: { n } }));
      const refs = await ctx.bulkRunNoWaitChildren(bulk(1, 2));
      const ids = await Promise.all(refs.map((ref) => ref.getWorkflowRunId()));
      const waited: unknown = await ctx.bulkRunChildren(bulk(3, 4));
      return [await Promise.all(refs.map((ref) => ref.output)), waited, new Set(ids).size];
    });
    expect(given).toEqual([[{ n: 2 }, { n: 4 }], [{ n: 6 }, { n: 8 }], 2]);
    expect(children).toEqual([1, 2, 3, 4].map((n) => ['double', { n: n * 2 }]));
  });

  test('of workflows too', async () => {
    const { given, children } = await childrenOf((_, ctx) => ctx.runChild(pipeline as never, { n: 1 }));
    expect(given).toEqual({ first: { n: 1 }, second: { n: 2 } });
    expect(children).toEqual([['pipeline', given]]);
  });

  test('with a key is one child for each key', async () => {
    const { given, children } = await childrenOf(async (_, ctx) => [
      await ctx.runChild(double as never, { n: 1 }, { key: 'k' }),
      await ctx.runChild(double as never, { n: 2 }, { key: 'k' }),
    ]);
    expect(given).toEqual([{ n: 2 }, { n: 2 }]);
    expect(children).toHaveLength(1);
  });

  test('rejects when the child fails', async () => {
    const { given } = await childrenOf(async (_, ctx) => (await rejection(ctx.runChild(failing as never, {}))).message);
    expect(given).toBe('failing failed: it failed');
  });
});

test('outside a root the same declarations run as without mageflow', async () => {
  const before = await fixture.writtenKeys();
  expect(await double.run({ n: 1 })).toEqual({ n: 2 });
  expect(await wrapped.runMany(runs)).toEqual(outputs(3));
  expect(await (await double.runNoWait({ n: 5 })).output).toEqual({ n: 10 });
  expect(await fixture.writtenKeys()).toEqual(before);
});
