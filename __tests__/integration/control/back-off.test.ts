import { BackOffError, ConfigurationError, mageContext } from '../../../src';
import { eventually } from '../../helpers/fixture';
import { rejection } from '../../helpers/outcomes';
import { openTasks, shortLease } from '../../helpers/task-set';

const { fixture, taskSet, mage, work, callback } = openTasks(shortLease);

interface BackingOff {
  label: string;
  /** How often it backs off before it succeeds, and for how long each time. */
  times: number;
  ms: number;
}

/** The begins of each body that backs off, by label. */
const begins = new Map<string, number[]>();

function backOff({ label, times, ms }: BackingOff): number {
  const own = [...(begins.get(label) ?? []), Date.now()];
  begins.set(label, own);
  if (own.length <= times) throw new BackOffError({ ms, reason: `try ${own.length}` });
  return own.length;
}

const limited = mage.task({ name: 'limited', fn: (input: BackingOff) => ({ tries: backOff(input) }) });
const attempts: (number | undefined)[] = [];
const unsteady = mage.task({
  name: 'unsteady',
  retries: 1,
  fn: () => {
    attempts.push(mageContext()?.attempt);
    if (attempts.length === 1) throw new Error('not yet');
    if (attempts.length === 2) throw new BackOffError({ ms: 50 });
    return {};
  },
});
const family = mage.rootTask({
  name: 'backing-family',
  fn: async (input: BackingOff) => {
    const child = await mage.sign(work, { label: `${input.label} child` });
    await child.runNoWait({});
    backOff(input);
    return {};
  },
});
beforeAll(async () => {
  await fixture.worker([limited, unsteady, family]);
});

const gaps = (label: string) => (begins.get(label) ?? []).slice(1).map((at, i) => at - (begins.get(label)?.[i] ?? 0));

test('an item that backs off runs again after the pause, although its task has no retries, and ends once', async () => {
  const swarm = await mage.swarm({
    tasks: [[limited, { label: 'item', times: 2, ms: 300 }]],
    successCallbacks: [await mage.sign(callback, { label: 'item done' })],
    isSwarmClosed: true,
  });
  expect(await swarm.run({})).toEqual([{ tries: 3 }]);
  for (const gap of gaps('item')) expect(gap).toBeGreaterThanOrEqual(299);
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 0, total: 1 });
  await taskSet.onlyExecution('item done', swarm);
});

test('the attempt that backed off does not count, and those that threw before do', async () => {
  const swarm = await mage.swarm({ tasks: [unsteady], isSwarmClosed: true });
  expect(await swarm.runSettled({})).toMatchObject([{ status: 'succeeded', attempts: 2 }]);
  expect(attempts).toEqual([1, 2, 2]);
});

test('its group starts nothing during the pause', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [limited, { label: 'first', times: 1, ms: 1_000 }],
      [work, { label: 'behind' }],
    ],
    config: { maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait({});
  await eventually('it pauses', async () => (await swarm.progress()).nextStartAt !== undefined);
  expect(await swarm.progress()).toMatchObject({ running: 0, queued: 2, rateLimited: false });
  expect(await output).toMatchObject([{ tries: 2 }, { label: 'behind' }]);
});

test('a task run by itself runs again, and whoever waits gets the final output', async () => {
  const signed = await mage.sign(limited, { label: 'alone', times: 2, ms: 100 });
  expect(await signed.run({})).toEqual({ tries: 3 });
  expect(gaps('alone')).toHaveLength(2);
});

test('a step of a chain runs again before the next one', async () => {
  const chain = await mage.chain([
    await mage.sign(limited, { label: 'step', times: 1, ms: 100 }),
    await mage.sign(work, { label: 'after' }),
  ]);
  expect(await chain.run({})).toMatchObject({ received: { tries: 2 } });
});

test('a callback that backs off delays only itself, and runs again once', async () => {
  const swarm = await mage.swarm({
    tasks: [[work, { label: 'quick' }]],
    successCallbacks: [
      await mage.sign(limited, { label: 'callback', times: 2, ms: 200 }),
      await mage.sign(callback, { label: 'other' }),
    ],
    isSwarmClosed: true,
  });
  await swarm.run({});
  await taskSet.onlyExecution('other', swarm);
  await taskSet.settled(swarm);
  expect(begins.get('callback')).toHaveLength(3);
  expect((await swarm.progress()).callbacks).toEqual({ pending: 0, succeeded: 2, failed: 0 });
});

test('the body of a root that backs off finds its children again', async () => {
  const root = await mage.sign(family, { label: 'root', times: 1, ms: 200 });
  await root.run({});
  await taskSet.settled(root);
  expect(taskSet.executions('root child')).toHaveLength(1);
  expect(begins.get('root')).toHaveLength(2);
});

test('the nearest group above with a rate limit pauses too', async () => {
  const inner = await mage.chain([await mage.sign(limited, { label: 'inner', times: 1, ms: 60_000 })]);
  const outer = await mage.swarm({ tasks: [inner], config: { rateLimit: { limit: 1_000, perMs: 1 } } });
  await outer.runNoWait({});
  await eventually('the step is put back', async () => {
    const [step] = (await mage.describe(inner.id)).children;
    return begins.has('inner') && step?.status === 'queued';
  });
  await (await outer.addTask(work, { label: 'outer' })).runNoWait({});
  const { queued, nextStartAt } = await outer.progress();
  expect(queued).toBe(1);
  expect(nextStartAt?.getTime()).toBeGreaterThan(Date.now() + 30_000);
  await outer.cancel();
});

test("the engine's record of a run that backed off is a success that says so", async () => {
  const signed = await mage.sign(limited, { label: 'recorded', times: 1, ms: 100 });
  await signed.run({});
  const runs = await eventually('both runs are recorded', async () => {
    const { rows = [] } = await fixture.hatchet.runs.list({ additionalMetadata: { 'mageflow.signature': signed.id } });
    return rows.length === 2 && rows.every(({ status }) => `${status}` === 'COMPLETED') ? rows : undefined;
  });
  const details = await Promise.all(runs.map(({ metadata }) => fixture.hatchet.runs.getDetails(metadata.id)));
  const outputs = details.flatMap(({ taskRuns }) => Object.values(taskRuns).map(({ output }) => output));
  expect(outputs).toEqual(expect.arrayContaining([{ backedOff: 100, reason: 'try 1' }, { tries: 2 }]));
});

test('in a run that mageflow did not publish it is an error like any other', async () => {
  const error = await rejection(fixture.hatchet.run('limited', { label: 'plain', times: 1, ms: 60_000 }));
  expect(String(error)).toContain('The body backs off for 60000 ms: try 1.');
  expect(begins.get('plain')).toHaveLength(1);
});

test.each([[-1], [Number.NaN], [Infinity], ['5']])('a BackOffError for %p ms is refused', (ms) => {
  expect(() => new BackOffError({ ms: ms as number })).toThrow(ConfigurationError);
});

test('a BackOffError is recognized by its class and code, and has its fields', () => {
  const error = new BackOffError({ ms: 1.5, reason: 'full' });
  expect(error).toMatchObject({ ms: 2, reason: 'full', code: 'BACK_OFF', name: 'BackOffError' });
  expect(error.message).toBe('The body backs off for 2 ms: full.');
  expect(mageContext()).toBeUndefined();
});
