import { ConfigurationError, mageContext, type RootSignature } from '../../../src';
import { eventually } from '../../helpers/fixture';
import { openRoots, type Message } from '../../helpers/roots';
import { progressOf } from '../../helpers/outcomes';
import { thrownBy } from '../../helpers/refusals';

const { fixture, mage, taskSet, roots, root, retriedWork, others } = openRoots();
const { hatchet } = fixture;
const wrapped = mage.wrap(
  hatchet.task({
    name: 'wrapped-root',
    fn: async ({ count }: { count: number }) => {
      for (let value = 0; value < count; value++)
        await (await mage.sign(retriedWork, { value, waitFor: 'wrapped' })).runNoWait({});
      return { count };
    },
  }),
  { root: { maxConcurrency: 2 } },
);
others.push(wrapped);
const fn = () => ({});

describe('mage.wrap with root', () => {
  test('makes a root of a task of the plain client, with its limit', async () => {
    const callback = await mage.sign(taskSet.callback, { label: 'of a wrapped root' });
    const signature = await mage.sign(wrapped, { count: 8 }, { successCallbacks: [callback] });
    expect(signature.kind).toBe('root');
    const handle = await signature.runNoWait({});
    await progressOf(await signature.children(), { closed: true, running: 2, queued: 6 });
    taskSet.openGate('wrapped');
    expect(await handle.output).toEqual({ count: 8 });
    expect((await taskSet.onlyExecution('of a wrapped root', signature)).input).toMatchObject({
      returnValue: { count: 8 },
      childResults: [0, 1, 2, 3, 4, 5, 6, 7],
    });
    expect((await signature.children()).name).toBe('root-swarm:wrapped-root');
  });

  test('returns the declaration that it was given', () => {
    const declaration = hatchet.task({ name: 'same', fn });
    expect(mage.wrap(declaration, { root: {} })).toBe(declaration);
  });
});

test("a durable root is evicted after 30 s of waiting, unless it is declared otherwise; the user's own policy stays as it is", () => {
  const policyOf = (task: object) =>
    (task as { definition: { _durableTasks: { evictionPolicy: unknown }[] } }).definition._durableTasks[0]
      ?.evictionPolicy;
  const own = { priority: 2 };
  const rest = { allowCapacityEviction: true, priority: 0 };
  expect(policyOf(mage.durableRootTask({ name: 'by-default', fn }))).toEqual({ ttl: '30s', ...rest });
  const hourly = { name: 'hourly', executionTimeout: '2h', evictionPolicy: { ttl: '1h' }, fn } as const;
  expect(policyOf(mage.durableRootTask(hourly))).toEqual({ ttl: '1h', ...rest });
  const wrappedOne = mage.wrap(hatchet.durableTask({ name: 'in-place', evictionPolicy: own, fn }), { root: {} });
  expect(policyOf(wrappedOne)).toEqual({ ttl: '30s', allowCapacityEviction: true, priority: 2 });
  expect(own).toEqual({ priority: 2 });
  expect(policyOf(mage.durableTask({ name: 'no-root', fn }))).toBeUndefined();
});

describe('what can be no root', () => {
  test('a durable task that waits in its worker for longer than it may run, naming it and what to set', async () => {
    const minute = 'expected less than its executionTimeout of 60000 ms';
    const options = { name: 'patient', fn };
    const refused: [options: object, text: string][] = [
      [{ evictionPolicy: { ttl: '15m' } }, `${minute}, got 900000 ms`],
      [{ evictionPolicy: { ttl: { minutes: 1 } } }, `${minute}, got 60000 ms`],
      [{ executionTimeout: '30s' }, 'expected less than its executionTimeout of 30000 ms, got 30000 ms'],
      [
        { executionTimeout: '2m', evictionPolicy: { ttl: 120_000 } },
        'expected less than its executionTimeout of 120000 ms, got 120000 ms',
      ],
    ];
    for (const [more, text] of refused) {
      for (const make of [
        () => mage.durableRootTask({ ...options, ...more } as never),
        () => mage.wrap(hatchet.durableTask({ ...options, ...more } as never), { root: {} }),
      ]) {
        const error = await thrownBy(make);
        expect(error).toBeInstanceOf(ConfigurationError);
        expect(error.message).toContain(`evictionPolicy.ttl of patient: ${text}`);
        expect(error.message).toContain('Set a shorter ttl, or a longer executionTimeout.');
      }
    }
  });

  test('a workflow of several tasks, also an empty one, naming it', async () => {
    const workflow = hatchet.workflow({ name: 'many-tasks' });
    workflow.task({ name: 'one', fn });
    for (const declaration of [workflow, hatchet.workflow({ name: 'many-tasks' })]) {
      const error = await thrownBy(() => mage.wrap(declaration, { root: {} }));
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain('many-tasks');
    }
  });

  test.each([
    ['a limit of none at once', { maxConcurrency: 0 }, 'maxConcurrency'],
    ['a negative limit', { maxConcurrency: -1 }, 'maxConcurrency'],
    ['a limit in words', { maxConcurrency: 'many' }, 'maxConcurrency'],
    ['a limit of no failures', { stopAfterNFailures: 0 }, 'stopAfterNFailures'],
  ])('one with %s', async (_, config, field) => {
    for (const make of [
      () => mage.rootTask({ name: 'bad-root', ...config, fn } as never),
      () => mage.durableRootTask({ name: 'bad-root', ...config, fn } as never),
      () => mage.wrap(hatchet.task({ name: 'bad-root', fn }), { root: config as never }),
    ]) {
      const error = await thrownBy(make);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain(field);
    }
  });

  test('a batch task', async () => {
    const options = { name: 'batch-root', batch: { maxSize: 2 }, fn } as never;
    for (const make of [() => mage.rootTask(options), () => mage.durableRootTask(options)])
      expect(await thrownBy(make)).toBeInstanceOf(ConfigurationError);
  });
});

describe('a root that is run without a signature', () => {
  const started: { rootId: string; runId: string }[] = [];
  const body = () =>
    roots.body(async (input, ctx) => {
      started.push({ rootId: mageContext()?.rootId ?? '', runId: ctx.workflowRunId() });
      for (const value of ['a', 'b'])
        await (
          await mage.sign(retriedWork, { value, label: input['label'] as string, waitFor: input['waitFor'] as string })
        ).runNoWait({});
      return { plain: true };
    });
  const childrenOf = async (rootId: string) =>
    ((await mage.load(rootId)) as unknown as RootSignature<Message, unknown>).children();

  test.each([
    ['its declaration', async (message: Message) => root.runNoWait(message as never)],
    ['the client, by name', async (message: Message) => hatchet.runNoWait('root', message as never, {})],
  ])('by %s captures as well, and just has no callbacks', async (name, run) => {
    const message = { ...body(), label: `plain ${name}`, waitFor: `plain ${name}` };
    const ref = await run(message);
    const runId = await ref.runId;
    await eventually('its body has returned', async () => (await hatchet.runs.getDetails(runId)).done);
    // As without mageflow its output is there at once, while its children are still at work.
    expect(Object.values((await hatchet.runs.getDetails(runId)).taskRuns)[0]?.output).toEqual({ plain: true });
    const rootId = started.find((one) => one.runId === runId)?.rootId ?? '';
    const children = await childrenOf(rootId);
    expect(await eventually('two children', async () => (await children.progress()).total === 2)).toBe(true);
    taskSet.openGate(`plain ${name}`);
    await eventually('the children have ended', async () => (await children.status()) === 'succeeded');
    const seen = taskSet.executions(`plain ${name}`);
    expect(seen.map(({ context }) => context?.rootId)).toEqual([rootId, rootId]);
    expect(children.name).toBe('root-swarm:root');
  });

  test('gives the output of its body', async () => {
    expect(await root.run({ ...body(), label: 'plain output' })).toEqual({ plain: true });
    await eventually('the children have run', () => taskSet.executions('plain output').length === 2);
  });

  test('fails in the engine when its body throws', async () => {
    const message = roots.body(() => {
      throw new Error('plainly broken');
    });
    const error = await root.run(message).catch((reason: unknown) => reason);
    expect(String(error)).toContain('plainly broken');
  });
});

test('a root keeps nothing in Redis that does not expire once all of it has ended', async () => {
  const signature = await roots.sign(root, async () => {
    await (await mage.sign(retriedWork, { value: 1 })).runNoWait({});
    await (await mage.chain([retriedWork])).runNoWait({});
    await (await mage.swarm({ tasks: [retriedWork] })).runNoWait();
  });
  await signature.run();
  await taskSet.settled(signature);
  const own = (await fixture.keys()).filter((key) => key.includes(signature.id));
  expect(own.length).toBeGreaterThan(1);
  await eventually('all of it expires', async () => {
    const times = await Promise.all(own.map((key) => fixture.redis.pttl(key)));
    return times.every((time) => time !== -1);
  });
});
