import { z } from 'zod';
import { BackOffError, mageContext, returnValue } from '../../src';
import { createTestKit, type TestKit } from '../../src/testing/kit';

let kit: TestKit;
beforeEach(async () => {
  kit = await createTestKit();
});
afterEach(() => kit.close());

test('a task runs, and its run can be looked at', async () => {
  const hello = kit.mage.task({ name: 'Hello', fn: ({ name }: { name: string }) => ({ text: `Hello ${name}` }) });
  const signature = await kit.mage.sign(hello);
  expect(await signature.run({ name: 'Ada' })).toEqual({ text: 'Hello Ada' });
  await kit.drain();
  expect(kit.runsOf(hello)).toMatchObject([
    { task: 'hello', input: { name: 'Ada' }, status: 'completed', output: { text: 'Hello Ada' }, attempt: 1 },
  ]);
  expect(kit.isIdle()).toBe(true);
});

test('a swarm of a hundred items with failures runs, with its limit and its callback', async () => {
  let running = 0;
  let most = 0;
  const item = kit.mage.task({
    name: 'item',
    retries: 1,
    input: z.object({ n: z.number(), day: z.string() }),
    fn: async ({ n }) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      if (n % 10 === 7) throw new Error(`no ${n}`);
      return { n };
    },
  });
  const report = kit.mage.task({
    name: 'report',
    input: z.object({ rows: returnValue(z.array(z.object({ n: z.number() }))) }),
    fn: ({ rows }) => ({ rows: rows.length, failures: mageContext()?.failureCount ?? 0 }),
  });
  const swarm = await kit.mage.swarm({
    tasks: Array.from({ length: 100 }, (_, n) => [item, { n }] as const),
    successCallbacks: [report],
    config: { maxConcurrency: 5 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({ day: 'mon' });
  await kit.drain({ withinMs: 60_000 });
  expect(most).toBeLessThanOrEqual(5);
  expect(kit.runsOf(item)).toHaveLength(100);
  expect(kit.runsOf(item).filter(({ status }) => status === 'failed')).toHaveLength(10);
  expect(kit.runsOf(item).filter(({ attempt }) => attempt === 2)).toHaveLength(10);
  expect(kit.runsOf(report)).toMatchObject([{ callback: 'success', output: { rows: 90, failures: 10 } }]);
});

test('a chain hands each output on, and its callback gets the last one', async () => {
  const double = kit.mage.task({ name: 'double', fn: ({ x }: { x: number }) => ({ x: 2 * x }) });
  const plus = kit.mage.task({
    name: 'plus',
    input: z.object({ from: returnValue(z.object({ x: z.number() })) }),
    fn: ({ from }) => ({ x: from.x + 1 }),
  });
  const done = kit.mage.task({ name: 'done', fn: (input: Record<string, unknown>) => input });
  const chain = await kit.mage.chain([double, plus], { successCallbacks: [done] });
  expect(await chain.run({ x: 4 })).toEqual({ x: 9 });
  await kit.drain();
  expect(kit.runsOf(done)).toMatchObject([{ callback: 'success', input: { returnValue: { x: 9 } } }]);
});

test('a root task runs its children in its own swarm, and then its callback', async () => {
  const child = kit.mage.task({ name: 'child', fn: ({ n }: { n: number }) => ({ n }) });
  const done = kit.mage.task({ name: 'root-done', fn: (input: Record<string, unknown>) => input });
  const root = kit.mage.rootTask({
    name: 'root',
    maxConcurrency: 2,
    successCallbacks: [done],
    fn: async ({ many }: { many: number }) => {
      for (let n = 0; n < many; n++) await (await kit.mage.sign(child, { n })).runNoWait({});
      return { many };
    },
  });
  await (await kit.mage.sign(root)).runNoWait({ many: 4 });
  await kit.drain();
  expect(kit.runsOf(child).map(({ output }) => output)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }]);
  expect(kit.runsOf(done)).toMatchObject([{ status: 'completed', input: { returnValue: { many: 4 } } }]);
});

test('a failure limit stops a swarm, whose error callback runs', async () => {
  const bad = kit.mage.task({
    name: 'bad',
    fn: () => {
      throw new Error('no');
    },
  });
  const alert = kit.mage.task({ name: 'alert', fn: (input: Record<string, unknown>) => input });
  const swarm = await kit.mage.swarm({
    tasks: Array.from({ length: 10 }, () => bad),
    errorCallbacks: [alert],
    config: { maxConcurrency: 1, stopAfterNFailures: 2 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await kit.drain();
  expect(await swarm.progress()).toMatchObject({ status: 'failed', failed: 2, cancelled: 8 });
  expect(kit.runsOf(bad)).toHaveLength(2);
  expect(kit.runsOf(alert)).toMatchObject([{ callback: 'error', status: 'completed' }]);
});

test('a swarm in a swarm ends before the outer one', async () => {
  const leaf = kit.mage.task({ name: 'leaf', fn: ({ n }: { n: number }) => ({ n }) });
  const inner = await kit.mage.swarm({
    tasks: [
      [leaf, { n: 1 }],
      [leaf, { n: 2 }],
    ],
    isSwarmClosed: true,
  });
  const outer = await kit.mage.swarm({ tasks: [inner, [leaf, { n: 3 }]], isSwarmClosed: true });
  await outer.runNoWait({});
  await kit.drain();
  expect(await outer.progress()).toMatchObject({ status: 'succeeded', succeeded: 2 });
  expect(kit.runsOf(leaf)).toHaveLength(3);
});

describe('a mock', () => {
  test('runs in place of a body, with the input that this would get', async () => {
    const fetched = kit.mage.task({
      name: 'fetch',
      input: z.object({ id: z.coerce.number() }),
      fn: (): { name: string } => {
        throw new Error('no network in tests');
      },
    });
    kit.mock(fetched, ({ id }: { id: number }) => ({ name: `user ${id + 1}` }));
    expect(await (await kit.mage.sign(fetched)).run({ id: '4' })).toEqual({ name: 'user 5' });
  });

  test('makes the first attempts fail, and runs the body afterwards', async () => {
    const flaky = kit.mage.task({ name: 'flaky', retries: 2, fn: ({ n }: { n: number }) => ({ n }) });
    kit.mock('flaky', { fail: new Error('busy'), times: 2 });
    expect(await (await kit.mage.sign(flaky)).run({ n: 3 })).toEqual({ n: 3 });
    expect(kit.runsOf(flaky)).toMatchObject([{ attempt: 3, status: 'completed' }]);
  });

  test('makes every attempt fail', async () => {
    const flaky = kit.mage.task({ name: 'flaky', retries: 1, fn: () => ({}) });
    kit.mock(flaky, { fail: new Error('always busy') });
    await expect((await kit.mage.sign(flaky)).run({})).rejects.toThrow('always busy');
    expect(kit.runsOf(flaky)).toMatchObject([{ attempt: 2, status: 'failed', error: 'always busy' }]);
  });

  test('stands for a task that another program serves', async () => {
    kit.mock('python-task', () => ({ from: 'python' }));
    expect(await (await kit.mage.sign('python-task')).run({})).toEqual({ from: 'python' });
  });

  test('is refused when it is neither a function nor a failure', () => {
    expect(() => kit.mock('x', 'y' as never)).toThrow('expected a function or { fail, times? }');
  });
});

test('tasks of another instance are registered, with their schemas and bodies', async () => {
  const other = await createTestKit();
  const hello = other.mage.task({
    name: 'hello',
    input: z.object({ name: z.string().toUpperCase() }),
    fn: ({ name }) => ({ name }),
  });
  kit.register([hello]);
  expect(await (await kit.mage.sign(hello)).run({ name: 'ada' })).toEqual({ name: 'ADA' });
  expect(kit.runsOf('hello')).toHaveLength(1);
  expect(other.runsOf()).toEqual([]);
  await other.close();
});

describe('the clock', () => {
  test('makes an attempt time out, and the next one begin', async () => {
    let attempts = 0;
    const slow = kit.mage.task({
      name: 'slow',
      retries: 1,
      executionTimeout: '10m',
      fn: async (_, ctx) => {
        attempts += 1;
        if (attempts === 1)
          await new Promise((resolve) => ctx.abortController.signal.addEventListener('abort', resolve));
        return { attempts };
      },
    });
    const handle = await (await kit.mage.sign(slow)).runNoWait({});
    await until(() => attempts === 1);
    await kit.advance('9m');
    expect(attempts).toBe(1);
    await kit.advance('2m');
    expect(await handle.output).toEqual({ attempts: 2 });
  });

  test('makes a backoff end', async () => {
    let attempts = 0;
    const flaky = kit.mage.task({
      name: 'flaky',
      retries: 1,
      backoff: { factor: 60 },
      fn: () => {
        attempts += 1;
        if (attempts === 1) throw new Error('busy');
        return { attempts };
      },
    });
    await (await kit.mage.sign(flaky)).runNoWait({});
    await until(() => attempts === 1);
    await kit.advance('59s');
    expect(attempts).toBe(1);
    await kit.advance('2s');
    await kit.drain();
    expect(attempts).toBe(2);
  });

  test('makes a body that has backed off run again', async () => {
    let attempts = 0;
    const limited = kit.mage.task({
      name: 'limited',
      fn: () => {
        attempts += 1;
        if (attempts === 1) throw new BackOffError({ ms: 600_000 });
        return { attempts };
      },
    });
    await (await kit.mage.sign(limited)).runNoWait({});
    await until(() => attempts === 1);
    await kit.advance('11m');
    await kit.drain();
    expect(attempts).toBe(2);
  });

  test('gives the tokens of a rate limit', async () => {
    const item = kit.mage.task({ name: 'item', fn: ({ n }: { n: number }) => ({ n }) });
    const swarm = await kit.mage.swarm({
      tasks: Array.from({ length: 3 }, (_, n) => [item, { n }] as const),
      config: { rateLimit: { limit: 1, perMs: 60_000, burst: 1 } },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    await until(() => kit.runsOf(item).length === 1);
    await kit.advance('61s');
    await until(() => kit.runsOf(item).length === 2);
    await kit.advance('61s');
    await kit.drain();
    expect(kit.runsOf(item)).toHaveLength(3);
  });
});

test('drain says what still waits, and why', async () => {
  const item = kit.mage.task({ name: 'item', fn: () => ({}) });
  const swarm = await kit.mage.swarm({ tasks: [item], name: 'imports' });
  await swarm.runNoWait({});
  await expect(kit.drain({ withinMs: 300 })).rejects.toThrow(
    /not everything has ended within 300 ms.*imports.*nobody has closed it/,
  );
});

test('drain names a run that goes on outside of mageflow', async () => {
  let end: () => void = () => undefined;
  const endless = kit.mage.task({
    name: 'endless',
    fn: () => new Promise<object>((resolve) => (end = () => resolve({}))),
  });
  await endless.runNoWait({});
  await expect(kit.drain({ withinMs: 100 })).rejects.toThrow('A run of endless is running.');
  end();
  await kit.drain();
});

test('a task that is cancelled while it runs has its body aborted', async () => {
  let begun = false;
  let aborted = false;
  const waits = kit.mage.task({
    name: 'waits',
    fn: async (_, ctx) => {
      begun = true;
      await new Promise((resolve) => ctx.abortController.signal.addEventListener('abort', resolve));
      aborted = true;
      return {};
    },
  });
  const signature = await kit.mage.sign(waits);
  await signature.runNoWait({});
  await until(() => begun);
  await signature.cancel();
  await kit.drain();
  expect(kit.runsOf(waits)).toMatchObject([{ status: 'cancelled' }]);
  await until(() => aborted);
});

test('plain runs of a declaration work, with children that inherit the metadata', async () => {
  const child = kit.mage.task({ name: 'child', fn: (_, ctx) => ctx.additionalMetadata() });
  const parent = kit.mage.task({ name: 'parent', fn: async () => ({ seen: await child.run({}) }) });
  const output = await parent.run({}, { additionalMetadata: { tenant: 'a' } });
  expect(output).toMatchObject({ seen: { tenant: 'a', hatchet__parent_step_run_id: expect.any(String) as string } });
  await kit.drain();
});

test('a run of a task that nobody serves never exists', async () => {
  const handle = await kit.mage.sign('nobody');
  await handle.runNoWait({});
  await expect(kit.drain({ withinMs: 200 })).rejects.toThrow(/nobody/);
  expect(kit.runsOf('nobody')).toEqual([]);
});

describe('in manual mode', () => {
  let manual: TestKit;
  beforeEach(async () => {
    manual = await createTestKit({ mode: 'manual' });
  });
  afterEach(() => manual.close());

  test('a run begins by a step', async () => {
    const item = manual.mage.task({ name: 'item', fn: ({ n }: { n: number }) => ({ n }) });
    const other = manual.mage.task({ name: 'other', fn: () => ({}) });
    const swarm = await manual.mage.swarm({ tasks: [[item, { n: 0 }], other, [item, { n: 1 }]], isSwarmClosed: true });
    await swarm.runNoWait({});
    expect(await manual.step('other')).toMatchObject({ task: 'other', status: 'completed' });
    expect(await manual.step(item)).toMatchObject({ task: 'item', output: { n: 0 } });
    expect(await swarm.progress()).toMatchObject({ succeeded: 2 });
    await manual.drain();
    expect(await swarm.progress()).toMatchObject({ status: 'succeeded', succeeded: 3 });
    expect(await manual.step()).toBeUndefined();
  });
});

test('an unknown option is refused', async () => {
  await expect(createTestKit({ modus: 'inline' } as never)).rejects.toThrow('modus: unknown option of createTestKit');
  await expect(createTestKit({ mode: 'fast' as never })).rejects.toThrow('mode: expected one of inline, manual');
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}
