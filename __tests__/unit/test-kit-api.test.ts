import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { z } from 'zod';
import { Mageflow, mageContext, returnValue, sign } from '../../src';
import { createTestKit, matchers, runBody, type TestKit } from '../../src/testing';

expect.extend(matchers);

let kit: TestKit;
beforeEach(async () => {
  kit = await createTestKit();
});
afterEach(() => kit.close());

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** An instance that never connects, as in a module that declares tasks when it is imported. */
function lazyMage() {
  const connect = jest.fn((): never => {
    throw new Error('no connection in tests');
  });
  return { mage: Mageflow.lazy(connect), connect };
}

describe('a lazy instance', () => {
  test('declares and listens without connecting, and connects at the first use', async () => {
    const { mage, connect } = lazyMage();
    mage.task({ name: 'hello', fn: () => ({}) });
    mage.rootTask({ name: 'root', maxConcurrency: 2, fn: () => ({}) });
    mage.durableTask({ name: 'durable', fn: () => ({}) });
    mage.workflow({ name: 'workflow' }).task({ name: 'one', fn: () => ({}) });
    mage.on('item', () => undefined)();
    expect(connect).not.toHaveBeenCalled();
    await expect(mage.swarm({})).rejects.toThrow('no connection in tests');
    await mage.close();
    expect(connect).toHaveBeenCalledTimes(1);
  });

  test('refuses what it can see at once', () => {
    expect(() => Mageflow.lazy('x' as never)).toThrow('lazy: expected a function that returns [hatchet, redis]');
    expect(() => Mageflow.lazy(() => [] as never, { leaseMs: 0 })).toThrow('leaseMs');
  });

  test('has its tasks registered in a kit, which never connects it', async () => {
    const { mage, connect } = lazyMage();
    const child = mage.task({ name: 'child', input: z.object({ n: z.coerce.number() }), fn: ({ n }) => ({ n }) });
    const done = mage.task({ name: 'done', input: z.object({ all: returnValue(z.unknown()) }), fn: (input) => input });
    const root = mage.rootTask({
      name: 'root',
      successCallbacks: [done],
      fn: async () => {
        await child.run({ n: '1' });
        await (await sign(child, { n: '2' })).runNoWait({});
        return { over: true };
      },
    });
    kit.register([child, done, root]);
    await (await kit.mage.sign(root)).runNoWait({});
    await kit.drain({ withinMs: 60_000 });
    expect(kit.runsOf(child).map(({ output }) => output)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(kit.runsOf(done)).toMatchObject([{ callback: 'success', output: { all: { over: true } } }]);
    expect(await root.run({})).toEqual({ over: true });
    expect(connect).not.toHaveBeenCalled();
    await mage.close();
  });
});

test('two kits that registered one task do not meet', async () => {
  const { mage } = lazyMage();
  const task = mage.task({ name: 'task', fn: ({ n }: { n: number }) => ({ n }) });
  const other = await createTestKit();
  kit.register([task]);
  other.register([task]);
  await kit.run(() => task.run({ n: 1 }));
  await kit.run(async () => (await sign(task)).run({ n: 2 }));
  await other.run(() => task.run({ n: 3 }));
  expect(kit.runsOf(task).map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }]);
  expect(other.runsOf(task).map(({ input }) => input)).toEqual([{ n: 3 }]);
  await other.close();
  await mage.close();
});

test('the highest number of items at once, and callbacks, are those of their swarm', async () => {
  const item = kit.mage.task({
    name: 'item',
    fn: () => new Promise<object>((resolve) => setTimeout(() => resolve({}), 5)),
  });
  const done = kit.mage.task({ name: 'done', fn: () => ({}) });
  const swarm = (maxConcurrency: number) =>
    kit.mage.swarm({
      name: `at most ${maxConcurrency}`,
      tasks: Array.from({ length: 6 }, () => item),
      successCallbacks: [done],
      config: { maxConcurrency },
      isSwarmClosed: true,
    });
  const two = await swarm(2);
  const four = await swarm(4);
  await two.runNoWait({});
  await four.runNoWait({});
  await kit.drain({ withinMs: 60_000 });
  expect([kit.maxConcurrencySeen(two), kit.maxConcurrencySeen(four.id)]).toEqual([2, 4]);
  expect(kit.callbacksOf(two)).toMatchObject([{ task: 'done', callback: 'success', swarmId: two.id }]);
});

test('the callbacks of an item and of a task alone are found', async () => {
  const item = kit.mage.task({ name: 'item', fn: () => ({}) });
  const done = kit.mage.task({ name: 'done', fn: () => ({}) });
  const alone = await kit.mage.sign(item, {}, { successCallbacks: [done] });
  await alone.runNoWait({});
  await kit.drain({ withinMs: 60_000 });
  expect(kit.callbacksOf(alone)).toHaveLength(1);
});

test('a body that sleeps by the kit is woken by its clock', async () => {
  const sleeps = kit.mage.task({
    name: 'sleeps',
    executionTimeout: '2h',
    fn: async () => {
      await kit.sleep('5m');
      return { awake: true };
    },
  });
  const handle = await (await kit.mage.sign(sleeps)).runNoWait({});
  await until(() => kit.runsOf(sleeps)[0]?.status === 'running');
  await kit.advance('6m');
  expect(await handle.output).toEqual({ awake: true });
});

test('after a crash the next process does what the first one has begun, each body once more at most', async () => {
  const bodies: number[] = [];
  let blocks = true;
  const item = kit.mage.task({
    name: 'item',
    fn: async ({ n }: { n: number }, ctx) => {
      bodies.push(n);
      if (blocks) await new Promise((resolve) => ctx.abortController.signal.addEventListener('abort', resolve));
      return { n };
    },
  });
  const swarm = await kit.mage.swarm({
    tasks: [0, 1, 2, 3].map((n) => [item, { n }] as const),
    config: { maxConcurrency: 2 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await until(() => bodies.length === 2);
  blocks = false;
  await kit.crash();
  await expect(swarm.progress()).rejects.toMatchObject({ code: 'CLOSED' });
  await kit.advance('1m');
  await kit.drain({ withinMs: 60_000 });
  expect(await kit.mage.progress(swarm.id)).toMatchObject({ status: 'succeeded', succeeded: 4 });
  expect(bodies.toSorted()).toEqual([0, 0, 1, 1, 2, 3]);
});

test('a run that is delivered twice runs its body once', async () => {
  let bodies = 0;
  const item = kit.mage.task({
    name: 'item',
    fn: () => {
      bodies += 1;
      return {};
    },
  });
  await (await kit.mage.sign(item)).run({});
  const [run] = kit.runsOf(item);
  await kit.redeliver(run!);
  expect(bodies).toBe(1);
});

test('a reset hides the runs before it, and takes the mocks back', async () => {
  const item = kit.mage.task({ name: 'item', fn: () => ({ by: 'body' }) });
  kit.mock(item, () => ({ by: 'mock' }));
  await (await kit.mage.sign(item)).run({});
  await kit.drain({ withinMs: 60_000 });
  kit.reset();
  expect(kit.runsOf()).toEqual([]);
  expect(await (await kit.mage.sign(item)).run({})).toEqual({ by: 'body' });
});

describe('a body by itself', () => {
  const { mage } = lazyMage();
  const task = mage.task({
    name: 'body',
    input: z.object({ n: z.coerce.number(), rows: returnValue(z.array(z.string())) }),
    fn: ({ n, rows }, ctx) => ({ n, rows, attempt: ctx.retryCount() + 1, index: mageContext()?.index }),
  });

  test('gets its input by its schema, its context and its attempt', async () => {
    const output = await runBody(task, { n: '7', returnValue: ['a'] }, { context: { index: 3 }, attempt: 2 });
    expect(output).toEqual({ n: 7, rows: ['a'], attempt: 2, index: 3 });
  });

  test('refuses what its schema refuses', async () => {
    await expect(runBody(task, { n: 'x' })).rejects.toThrow('The message does not fit the input of body');
  });

  test('starts no other task', async () => {
    const parent = mage.task({ name: 'parent', fn: (_, ctx) => ctx.runChild('other', {}) });
    await expect(runBody(parent, {})).rejects.toThrow('runBody runs one body');
  });
});

describe('the matchers', () => {
  const failureOf = async (expectation: () => unknown): Promise<string> => {
    try {
      await expectation();
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('It has not failed.');
  };

  test('find runs by a part of their input, and say how the nearest one differs', async () => {
    const item = kit.mage.task({ name: 'item', fn: (_: { n: number; at: { day: string } }) => ({}) });
    for (const n of [1, 2]) await (await kit.mage.sign(item)).run({ n, at: { day: 'mon' } });
    expect(kit).toHaveRun(item);
    expect(kit).toHaveRun('item', { n: 2, at: { day: expect.stringMatching('m') as string } });
    expect(kit).not.toHaveRun(item, { n: 3 });
    expect(kit).not.toHaveRun('other');
    expect(await failureOf(() => expect(kit).toHaveRun(item, { n: 2, at: { day: 'tue' } }))).toMatch(
      /The nearest run differs: input.at.day: expected 'tue', got 'mon'.*Runs of item.*item \(completed\) \{ n: 1/s,
    );
    expect(await failureOf(() => expect(kit).toHaveRun('other'))).toMatch(/other has not run.*There were.*item/s);
    expect(await failureOf(() => expect(kit).not.toHaveRun(item))).toContain('Expected no run of item');
  });

  test('find swarms by their names and counts', async () => {
    const item = kit.mage.task({ name: 'item', fn: () => ({}) });
    const swarm = await kit.mage.swarm({ name: 'import', tasks: [item, item], isSwarmClosed: true });
    await swarm.runNoWait({});
    await kit.drain({ withinMs: 60_000 });
    await expect(kit).toHaveRunSwarm('import', { items: 2, failed: 0, maxConcurrency: 30 });
    await expect(kit).not.toHaveRunSwarm('export');
    const failure = await failureOf(() => expect(kit).toHaveRunSwarm('import', { items: 3 }));
    expect(failure).toContain('items: expected 3, got 2');
    expect(await failureOf(() => expect(kit).toHaveRunSwarm('export'))).toContain('Swarms that have run: "import"');
  });

  test('say which runs are open', async () => {
    expect(kit).toBeIdle();
    let end = () => undefined as void;
    const endless = kit.mage.task({
      name: 'endless',
      fn: () => new Promise<object>((resolve) => (end = () => resolve({}))),
    });
    await endless.runNoWait({});
    await until(() => kit.runsOf(endless)[0]?.status === 'running');
    expect(await failureOf(() => expect(kit).toBeIdle())).toMatch(/Open.*endless \(running\)/s);
    end();
    await kit.drain({ withinMs: 60_000 });
  });

  test('refuse what is no kit', () => {
    expect(() => expect({}).toBeIdle()).toThrow('toBeIdle: expected a kit of createTestKit');
  });
});

test('a durable root goes on after a long sleep and an event with a payload', async () => {
  const refund = kit.mage.durableRootTask({
    name: 'refund',
    fn: async ({ id }: { id: string }, ctx) => {
      await ctx.sleepFor('10m');
      const { approved } = (await ctx.waitForEvent('decided', `input.id == '${id}'`)) as { approved: boolean };
      return { approved, invocation: ctx.invocationCount };
    },
  });
  const handle = await (await kit.mage.sign(refund)).runNoWait({ id: 'a' });
  await until(() => kit.runsOf(refund)[0]?.status === 'running');
  await kit.advance('11m');
  await kit.mage.hatchet.events.push('decided', { id: 'b', approved: false });
  await kit.mage.hatchet.events.push('decided', { id: 'a', approved: true });
  expect(await handle.output).toMatchObject({ approved: true });
});

test('a workflow of several tasks is one item', async () => {
  const flow = kit.mage.workflow({ name: 'flow' });
  const first = flow.task({ name: 'first', fn: () => ({ a: 1 }) });
  flow.task({ name: 'second', parents: [first], fn: async (_, ctx) => ({ b: await ctx.parentOutput(first) }) });
  const swarm = await kit.mage.swarm({ tasks: [flow as never], isSwarmClosed: true });
  await swarm.runNoWait({});
  await kit.drain({ withinMs: 60_000 });
  expect(kit.runsOf('flow')).toMatchObject([
    { status: 'completed', output: { first: { a: 1 }, second: { b: { a: 1 } } } },
  ]);
});

test('the client of a kit says what it lacks', async () => {
  expect(HatchetClient).toBeDefined();
  await expect(kit.mage.hatchet.crons.create('x', {} as never)).rejects.toThrow('The in-process engine has no crons');
});

test('a kit on a real Redis needs its address', async () => {
  const before = process.env['REDIS_URL'];
  delete process.env['REDIS_URL'];
  await expect(createTestKit({ mode: 'redis' })).rejects.toThrow('needs the environment variable REDIS_URL');
  if (before !== undefined) process.env['REDIS_URL'] = before;
});

test('an expression that the kit cannot evaluate is refused', async () => {
  const waits = kit.mage.durableTask({ name: 'waits', fn: (_, ctx) => ctx.waitForEvent('x', 'size(input.list) > 1') });
  await (await kit.mage.sign(waits)).runNoWait({});
  await until(() => kit.runsOf(waits)[0]?.status === 'running');
  await kit.advance('1s');
  await expect(kit.mage.hatchet.events.push('x', { list: [] })).rejects.toThrow('comparisons of input with constants');
});

test('a durable task that is cancelled while it is evicted ends', async () => {
  const waits = kit.mage.durableTask({
    name: 'waits',
    evictionPolicy: { ttl: '10s' },
    fn: (_, ctx) => ctx.waitForEvent('never'),
  });
  const signature = await kit.mage.sign(waits);
  await signature.runNoWait({});
  await until(() => kit.runsOf(waits)[0]?.status === 'running');
  await kit.advance('20s');
  await signature.cancel();
  await kit.drain({ withinMs: 60_000 });
  expect(kit.runsOf(waits)).toMatchObject([{ status: 'cancelled' }]);
});
