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

describe('what can be no root', () => {
  test('a durable task, naming it', async () => {
    const error = await thrownBy(() => mage.wrap(hatchet.durableTask({ name: 'durable', fn }), { root: {} }));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('durable');
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
      () => mage.wrap(hatchet.task({ name: 'bad-root', fn }), { root: config as never }),
    ]) {
      const error = await thrownBy(make);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain(field);
    }
  });

  test('a batch task', async () => {
    const make = () => mage.rootTask({ name: 'batch-root', batch: { maxSize: 2 }, fn } as never);
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
