import { z } from 'zod';
import { returnValue, type ItemResult, type MageContext, type Swarm } from '../../../src';
import { eventually } from '../../helpers/fixture';
import { openTasks, shortLease } from '../../helpers/task-set';
import { replayEnded } from '../../helpers/runs';
import { statusOf } from '../../helpers/outcomes';

const { fixture, taskSet, mage, work, callback } = openTasks(shortLease);

const counted: { rows: unknown; context: MageContext | undefined }[] = [];
const countRows = mage.task({
  name: 'count-rows',
  input: z.object({ rows: returnValue(z.object({ total: z.number(), succeeded: z.number() }).loose()) }),
  fn: ({ rows }) => {
    counted.push({ rows, context: undefined });
    return {};
  },
});
const root = mage.rootTask({
  name: 'counting-root',
  keepResults: false,
  fn: async () => {
    await (await mage.sign(work, { value: 'dropped 1' })).runNoWait({});
    await (await mage.sign(work, { fail: 'a child broke' })).runNoWait({});
    return 'kept';
  },
});

beforeAll(async () => {
  await fixture.worker([countRows, root]);
});

const noResults = { keepResults: false };

async function all<O>(swarm: Swarm<O>): Promise<ItemResult<O>[]> {
  const found: ItemResult<O>[] = [];
  for await (const one of swarm.results()) found.push(one);
  return found.sort((a, b) => a.index - b.index);
}

/** What Redis holds of a group besides what it was made of: the results by field. */
async function storedResults({ id }: { id: string }): Promise<Record<string, string>> {
  const keys = (await fixture.keys()).filter((key) => key.includes(`{${id}}:r`));
  const buckets = await Promise.all(keys.map((key) => fixture.redis.hgetall(key)));
  return Object.assign({}, ...buckets) as Record<string, string>;
}

describe('a swarm that keeps no results', () => {
  test('gives an empty list, and its success callbacks get counts in the place of the list', async () => {
    const swarm = await mage.swarm({
      tasks: [
        [work, { value: 'one' }],
        [work, { fail: 'broken' }],
        [work, { value: 'three' }],
      ],
      successCallbacks: [await mage.sign(callback, { label: 'counts' })],
      config: noResults,
      isSwarmClosed: true,
    });
    expect(await swarm.run({})).toEqual([]);
    const { input, context } = await taskSet.onlyExecution('counts', swarm);
    expect(input['returnValue']).toEqual({ total: 3, succeeded: 2, failed: 1, cancelled: 0 });
    expect(context?.failures).toEqual([{ id: `${swarm.id}~1`, name: 'work', index: 1, message: 'broken' }]);
  });

  test('gives the counts in the field that a schema marks', async () => {
    const swarm = await mage.swarm({
      tasks: [work, work],
      successCallbacks: [countRows],
      config: noResults,
      isSwarmClosed: true,
    });
    const before = counted.length;
    await swarm.run({});
    await taskSet.settled(swarm);
    expect(counted.slice(before).map(({ rows }) => rows)).toEqual([
      { total: 2, succeeded: 2, failed: 0, cancelled: 0 },
    ]);
  });

  test('gives counts for a swarm that was empty', async () => {
    const swarm = await mage.swarm({
      successCallbacks: [await mage.sign(callback, { label: 'empty' })],
      config: noResults,
      isSwarmClosed: true,
    });
    expect(await swarm.run({})).toEqual([]);
    const { input } = await taskSet.onlyExecution('empty', swarm);
    expect(input['returnValue']).toEqual({ total: 0, succeeded: 0, failed: 0, cancelled: 0 });
  });

  test('passes the failures to its error callbacks', async () => {
    const swarm = await mage.swarm({
      tasks: [
        [work, { value: 'fine' }],
        [work, { fail: 'first' }],
        [work, { fail: 'second' }],
        [work, { value: 'never' }],
      ],
      errorCallbacks: [await mage.sign(callback, { label: 'stopped' })],
      config: { ...noResults, stopAfterNFailures: 2, maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait({});
    const { input } = await taskSet.onlyExecution('stopped', swarm);
    expect(input['error']).toMatchObject({ failureCount: 2 });
    expect((input['error'] as { failures: object[] }).failures).toEqual([
      { id: `${swarm.id}~1`, name: 'work', index: 1, message: 'first' },
      { id: `${swarm.id}~2`, name: 'work', index: 2, message: 'second' },
    ]);
  });

  test('lists how each item ended, with errors and without outputs', async () => {
    const swarm = await mage.swarm({
      tasks: [
        [work, { value: 'fine' }],
        [work, { fail: 'broken' }],
        [work, { value: 'never' }],
      ],
      config: { ...noResults, stopAfterNFailures: 1, maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const named = (index: number) => ({ index, id: `${swarm.id}~${index}`, name: 'work' });
    const date = expect.any(Date) as Date;
    const ran = { startedAt: date, endedAt: date, attempts: 1 };
    const expected = [
      { ...named(0), status: 'succeeded', ...ran },
      { ...named(1), status: 'failed', error: 'broken', ...ran },
      { ...named(2), status: 'cancelled', error: 'cancelled before it started', attempts: 0 },
    ];
    expect(await swarm.runSettled({})).toEqual(expected);
    expect(await all(swarm)).toEqual(expected);
    expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 1, status: 'failed' });
  });

  test('holds nothing in Redis of what its items gave, and what they were bound to goes too', async () => {
    const secret = 'an output that nobody keeps';
    const swarm = await mage.swarm({
      tasks: [
        ...Array.from({ length: 140 }, (_, n) => [work, { value: `${secret} ${n}` }] as const),
        [work, { fail: 'the error is kept' }],
      ],
      config: { ...noResults, maxConcurrency: 50 },
      isSwarmClosed: true,
    });
    await swarm.run({});
    expect(await storedResults(swarm)).toEqual({ 140: 'f{"message":"the error is kept"}' });
    const { base } = await keysOf(swarm);
    expect(Number(await fixture.redis.hget(`${base}g`, 'rb'))).toBeLessThan(100);
    const specs = await fixture.redis.hgetall(`${base}s`);
    expect(Object.keys(specs)).toHaveLength(141);
    expect(JSON.stringify(specs)).not.toContain(secret);
  });

  test('keeps what a failed item left until it succeeds when it is tried again', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { value: 'fine' }], await mage.sign('count-tries')],
      config: noResults,
      successCallbacks: [await mage.sign(callback, { label: 'tried' })],
      isSwarmClosed: true,
    });
    let tries = 0;
    const task = mage.task({
      name: 'count-tries',
      fn: () => {
        tries += 1;
        if (tries === 1) throw new Error('the first time');
        return 'later';
      },
    });
    await fixture.worker([task]);
    await swarm.run({});
    expect(await storedResults(swarm)).toEqual({ 1: 'f{"message":"the first time"}' });
    await taskSet.settled(swarm);
    expect(await swarm.retryFailed()).toBe(1);
    await eventually('both callbacks have run', () => taskSet.executions('tried').length === 2);
    expect(taskSet.executions('tried').map(({ input }) => input['returnValue'])).toEqual([
      { total: 2, succeeded: 1, failed: 1, cancelled: 0 },
      { total: 2, succeeded: 2, failed: 0, cancelled: 0 },
    ]);
    expect(await storedResults(swarm)).toEqual({});
    expect(await all(swarm)).toMatchObject([
      { index: 0, id: `${swarm.id}~0`, name: 'work', status: 'succeeded' },
      { index: 1, id: expect.any(String) as string, name: 'count-tries', status: 'succeeded' },
    ]);
  });

  test('answers a run that the engine starts again with null, without its body', async () => {
    const swarm = await mage.swarm({
      tasks: [[work, { label: 'replayed', value: 'once only' }]],
      config: noResults,
      isSwarmClosed: true,
    });
    await swarm.run({});
    const [first] = taskSet.executions('replayed');
    expect(await replayEnded(fixture, first?.runId ?? '')).toMatchObject({ status: 'COMPLETED', output: null });
    expect(taskSet.executions('replayed')).toHaveLength(1);
  });
});

async function keysOf({ id }: { id: string }): Promise<{ base: string }> {
  const state = (await fixture.keys()).find((key) => key.endsWith(`{${id}}:g`)) ?? '';
  return { base: state.slice(0, -1) };
}

describe('nested, a swarm that keeps no results', () => {
  const counts = { total: 2, succeeded: 1, failed: 1, cancelled: 0 };
  const inner = () =>
    mage.swarm({
      tasks: [
        [work, { value: 'inner' }],
        [work, { fail: 'inner broke' }],
      ],
      config: noResults,
      isSwarmClosed: true,
    });

  test('counts as an item whose output are its counts', async () => {
    const outer = await mage.swarm({
      tasks: [await inner(), [work, { value: 'outer' }]],
      successCallbacks: [await mage.sign(callback, { label: 'outer list' })],
      isSwarmClosed: true,
    });
    expect(await outer.run({})).toEqual([counts, 'outer']);
    expect((await taskSet.onlyExecution('outer list', outer)).input['returnValue']).toEqual([counts, 'outer']);
    expect((await all(outer)).map(({ output }) => output)).toEqual([counts, 'outer']);
  });

  test('hands its counts to the next step of a chain', async () => {
    const chain = await mage.chain([await inner(), await mage.sign(callback, { label: 'next step' })]);
    await chain.run({});
    expect((await taskSet.onlyExecution('next step', chain)).input['returnValue']).toEqual(counts);
  });

  test('is what a chain gives whose last step it is', async () => {
    const chain = await mage.chain([work, await inner()], {
      successCallbacks: [await mage.sign(callback, { label: 'after chain' })],
    });
    expect(await chain.run({})).toEqual(counts);
    expect((await taskSet.onlyExecution('after chain', chain)).input['returnValue']).toEqual(counts);
  });

  test('drops what nested groups give, but not what these keep themselves', async () => {
    const kept = await mage.swarm({ tasks: [[work, { value: 'kept inside' }]], isSwarmClosed: true });
    const outer = await mage.swarm({ tasks: [kept], config: noResults, isSwarmClosed: true });
    expect(await outer.run({})).toEqual([]);
    expect(await storedResults(outer)).toEqual({});
    expect((await all(kept)).map(({ output }) => output)).toEqual(['kept inside']);
  });

  test('is stored by value with that setting when it is a callback', async () => {
    const template = await mage.swarm({
      tasks: [await mage.sign(work, { label: 'in the callback', value: 'nobody keeps it' })],
      successCallbacks: [await mage.sign(callback, { label: 'after the callback' })],
      config: noResults,
    });
    const task = await mage.sign(work, {}, { successCallbacks: [template] });
    await task.run({});
    await taskSet.settled(task);
    const [after] = taskSet.executions('after the callback');
    expect(after?.input['returnValue']).toEqual({ total: 1, succeeded: 1, failed: 0, cancelled: 0 });
  });
});

describe('an item of a swarm that keeps no results', () => {
  test('has no output, but a status and its callbacks', async () => {
    const swarm = await mage.swarm({ config: noResults });
    const item = await swarm.addTask(
      work,
      { value: 'dropped' },
      { successCallbacks: [await mage.sign(callback, { label: 'own' })] },
    );
    expect(await item.run({})).toBeNull();
    expect(await item.status()).toBe('succeeded');
    await swarm.closeSwarm();
    await taskSet.settled(swarm);
    expect(taskSet.executions('own')).toHaveLength(1);
  });

  test('gives its error all the same', async () => {
    const swarm = await mage.swarm({ config: noResults });
    const item = await swarm.addTask(
      work,
      { fail: 'kept error' },
      { errorCallbacks: [await mage.sign(callback, { label: 'own error' })] },
    );
    await expect(item.run({})).rejects.toThrow('kept error');
    await swarm.closeSwarm();
    await taskSet.settled(swarm);
    expect(taskSet.executions('own error').map(({ input }) => input['error'])).toMatchObject([
      { message: 'kept error' },
    ]);
  });
});

test('the children of a root that keeps no results are counted', async () => {
  const signed = await mage.sign(root, {}, { successCallbacks: [await mage.sign(callback, { label: 'of the root' })] });
  expect(await signed.run()).toBe('kept');
  const { input, context } = await taskSet.onlyExecution('of the root', signed);
  expect(input['returnValue']).toBe('kept');
  expect(input['childResults']).toEqual({ total: 2, succeeded: 1, failed: 1, cancelled: 0 });
  expect(context?.failures).toMatchObject([{ index: 1, message: 'a child broke' }]);
  const children = await signed.children();
  await statusOf(children, 'succeeded');
  expect((await all(children)).map(({ status, output, error }) => ({ status, output, error }))).toEqual([
    { status: 'succeeded', output: undefined, error: undefined },
    { status: 'failed', output: undefined, error: 'a child broke' },
  ]);
});
