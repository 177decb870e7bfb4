// Failed callbacks are seen in progress and describe, and can be run again without touching what they belong to.
import { NotFoundError } from '../../src';
import { eventually, Fixture } from '../helpers/fixture';

const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300, retention: { finishedMs: 600_000 } });
const { mage } = fixture;

const broken = new Set<string>();
const seen: { tag: string; input: Record<string, unknown> }[] = [];
const item = mage.task({
  name: 'item',
  fn: ({ fail, give }: { fail?: string; give?: number }) => {
    if (fail) throw new Error(fail);
    return { give: give ?? 0 };
  },
});
const report = mage.task({
  name: 'report',
  fn: (input: Record<string, unknown>) => {
    const tag = String(input['tag']);
    if (broken.has(tag)) throw new Error(`the mail server refused ${tag}`);
    seen.push({ tag, input });
  },
});

beforeAll(() => fixture.worker([item, report]));
afterAll(() => fixture.close());

const sawOnce = (tag: string) =>
  eventually(`a callback tagged ${tag} ran`, () => seen.filter((one) => one.tag === tag)[0]);
const countsOf = (signature: { progress(): Promise<{ callbacks: object }> }, expected: object) =>
  eventually(`callbacks are ${JSON.stringify(expected)}`, async () => {
    const { callbacks } = await signature.progress();
    return JSON.stringify(callbacks) === JSON.stringify(expected) ? callbacks : undefined;
  });

async function failedReport(tag: string, entries = [[item, { give: 1 }] as const, [item, { give: 2 }] as const]) {
  broken.add(tag);
  const swarm = await mage.swarm({
    tasks: [...entries],
    successCallbacks: [
      await mage.sign(report, { tag }, { name: `report ${tag}` }),
      await mage.sign(report, { tag: `${tag} fine` }),
    ],
    isSwarmClosed: true,
  });
  await swarm.run({});
  await countsOf(swarm, { pending: 0, succeeded: 1, failed: 1 });
  return swarm;
}

test('a failed callback is counted in progress and shown by describe with its error and run, and the swarm stays succeeded', async () => {
  const swarm = await failedReport('shown');
  expect(await swarm.status()).toBe('succeeded');
  const { status, callbacks } = await eventually('the engine knows the runs of both callbacks', async () => {
    const description = await mage.describe(swarm.id);
    return description.callbacks?.every(({ runId }) => runId) ? description : undefined;
  });
  expect(status).toBe('succeeded');
  expect(callbacks).toEqual([
    expect.objectContaining({
      name: 'report shown',
      kind: 'task',
      status: 'failed',
      error: 'the mail server refused shown',
    }),
    expect.objectContaining({ name: 'report', status: 'succeeded' }),
  ]);
});

test('retryCallbacks runs only the failed ones again, with the same results, and a later failure can be repeated too', async () => {
  const swarm = await failedReport('repeated');
  expect(await swarm.retryCallbacks()).toBe(1);
  await countsOf(swarm, { pending: 0, succeeded: 1, failed: 1 });
  broken.delete('repeated');
  const loaded = await fixture.another().load(swarm.id);
  expect(await loaded.retryCallbacks()).toBe(1);
  await countsOf(swarm, { pending: 0, succeeded: 2, failed: 0 });
  expect((await sawOnce('repeated')).input['returnValue']).toEqual([{ give: 1 }, { give: 2 }]);
  expect(seen.filter(({ tag }) => tag === 'repeated fine')).toHaveLength(1);
  expect(await swarm.retryCallbacks()).toBe(0);
  expect((await mage.describe(swarm.id)).callbacks?.map((callback) => callback.status)).toEqual([
    'succeeded',
    'succeeded',
  ]);
  expect(await swarm.status()).toBe('succeeded');
});

test('two calls of retryCallbacks at once repeat each failed callback once', async () => {
  const swarm = await failedReport('at once');
  broken.delete('at once');
  const counts = await Promise.all([swarm.retryCallbacks(), swarm.retryCallbacks()]);
  expect(counts.sort()).toEqual([0, 1]);
  await countsOf(swarm, { pending: 0, succeeded: 2, failed: 0 });
  expect(seen.filter(({ tag }) => tag === 'at once')).toHaveLength(1);
});

test('retryCallbacks of a task repeats its failed error callback with the input and error that it had', async () => {
  broken.add('alarm');
  const task = await mage.sign(
    item,
    { fail: 'no such file' },
    { errorCallbacks: [await mage.sign(report, { tag: 'alarm' })] },
  );
  await expect(task.run()).rejects.toThrow('no such file');
  const failed = () =>
    eventually('the error callback has failed', async () => {
      const { callbacks = [] } = await mage.describe(task.id);
      return callbacks[0]?.status === 'failed' || undefined;
    });
  await failed();
  broken.delete('alarm');
  expect(await task.retryCallbacks()).toBe(1);
  expect((await sawOnce('alarm')).input).toMatchObject({ fail: 'no such file', error: { message: 'no such file' } });
  expect(await task.status()).toBe('failed');
});

test('retryCallbacks of a swarm repeats the callbacks of its items too, that of an item only its own', async () => {
  for (const tag of ['item 0', 'item 1']) broken.add(tag);
  const swarm = await mage.swarm({ tasks: [], isSwarmClosed: false });
  const items = await Promise.all(
    [0, 1].map(async (n) =>
      swarm.addTask(item, { give: n }, { successCallbacks: [await mage.sign(report, { tag: `item ${n}` })] }),
    ),
  );
  await swarm.runNoWait({});
  await countsOf(swarm, { pending: 0, succeeded: 0, failed: 2 });
  for (const tag of ['item 0', 'item 1']) broken.delete(tag);
  expect(await items[1]?.retryCallbacks()).toBe(1);
  await countsOf(swarm, { pending: 0, succeeded: 1, failed: 1 });
  expect(await swarm.retryCallbacks()).toBe(1);
  await countsOf(swarm, { pending: 0, succeeded: 2, failed: 0 });
  await swarm.closeSwarm();
});

test('a chain that failed in its callback repeats it with its last output', async () => {
  broken.add('chained');
  const chain = await mage.chain([item, item], { successCallbacks: [await mage.sign(report, { tag: 'chained' })] });
  await chain.run({ give: 7 });
  await eventually('its callback has failed', async () => {
    const { callbacks = [] } = await mage.describe(chain.id);
    return callbacks[0]?.status === 'failed' || undefined;
  });
  broken.delete('chained');
  expect(await chain.retryCallbacks()).toBe(1);
  expect((await sawOnce('chained')).input['returnValue']).toEqual({ give: 0 });
});

test('what an ended swarm with nested groups refers to is kept until the repeated callback has ended, and expires then', async () => {
  broken.add('kept');
  const inner = await mage.swarm({ tasks: [[item, { give: 3 }]], isSwarmClosed: true });
  const swarm = await mage.swarm({
    tasks: [inner],
    successCallbacks: [await mage.sign(report, { tag: 'kept' })],
    isSwarmClosed: true,
  });
  await swarm.run({});
  const ttls = async () => {
    const keys = (await fixture.keys()).filter((key) => key.includes(`{${swarm.id}`) || key.includes(`{${inner.id}`));
    return Promise.all(keys.map((key) => fixture.redis.pttl(key)));
  };
  const allExpire = () =>
    eventually('all of it expires', async () => (await ttls()).every((ttl) => ttl > 0) || undefined);
  await allExpire();
  broken.delete('kept');
  expect(await swarm.retryCallbacks()).toBe(1);
  expect((await sawOnce('kept')).input['returnValue']).toEqual([[{ give: 3 }]]);
  await allExpire();
});

test('retryCallbacks of what was never run throws NotFoundError', async () => {
  await expect((await mage.sign(item, {})).retryCallbacks()).rejects.toThrow(NotFoundError);
});
