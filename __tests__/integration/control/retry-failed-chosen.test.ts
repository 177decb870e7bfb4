import { z } from 'zod';
import type { ItemResult, RetryFailedOptions, Swarm } from '../../../src';
import { openMending } from '../../helpers/mending';
import { progressOf, rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mending, mage, mend, callbackNamed } = openMending();
const sizes: unknown[] = [];
const sized = mage.task({
  name: 'sized',
  input: z.object({ size: z.number(), unit: z.string().optional() }),
  fn: ({ size, unit }) => {
    sizes.push([size, unit]);
    if (size < 0) throw new Error(`${size} is too small`);
    return { size };
  },
});

beforeAll(async () => {
  await fixture.worker([...mending.tasks, sized]);
});
afterAll(() => fixture.close());
afterEach(() => {
  mending.mendAll();
  sizes.length = 0;
});

const item = (label: string, data: object = {}) => [mend, { label, ...data }] as const;

async function all(swarm: Swarm<unknown>): Promise<ItemResult<unknown>[]> {
  const read: ItemResult<unknown>[] = [];
  for await (const one of swarm.results()) read.push(one);
  return read.sort((a, b) => a.index - b.index);
}

/** A swarm of four items, of which the last three failed and are mended now. */
async function repaired(name: string): Promise<Swarm<unknown>> {
  const labels = [0, 1, 2, 3].map((n) => `${name} ${n}`);
  mending.break(...labels.slice(1));
  const swarm = await mage.swarm({
    tasks: labels.map((label) => [mend, { label }, { name: `row ${label.slice(-1)}` }] as const),
    successCallbacks: [await callbackNamed(`${name} done`)],
    isSwarmClosed: true,
  });
  await swarm.run({ day: 'monday' });
  await mending.settled(swarm);
  mending.mendAll();
  return swarm;
}

const countsOf = (name: string) => Object.values(mending.counts(...[0, 1, 2, 3].map((n) => `${name} ${n}`)));

test.each<[what: string, options: RetryFailedOptions, counts: number[]]>([
  ['by index', { indexes: [2, 0, 3] }, [1, 1, 2, 2]],
  ['by name', { name: 'row 2' }, [1, 1, 2, 1]],
  ['by a text in the error', { error: 'name 3 is br' }, [1, 1, 1, 2]],
  ['by a regular expression', { error: /NAME [13]/gi }, [1, 2, 1, 2]],
  ['by all of these together', { indexes: [1, 2], name: 'row 1', error: /is broken$/y }, [1, 1, 1, 1]],
  ['by nothing', {}, [1, 2, 2, 2]],
])(
  'items are chosen %s; only these run again, and the callbacks run for the new outcome',
  async (_, options, counts) => {
    // The error of item n of this swarm is "name n is broken".
    mending.allExecutions.length = 0;
    const swarm = await repaired('name');
    const number = counts.filter((count) => count > 1).length;
    expect(await swarm.retryFailed(options)).toBe(number);
    await progressOf(swarm, { succeeded: 1 + number, failed: 3 - number, status: 'succeeded' });
    await mending.settled(swarm);
    expect(countsOf('name')).toEqual(counts);
    expect((await all(swarm)).map(({ status }) => status)).toEqual(
      counts.map((count, n) => (n === 0 || count > 1 ? 'succeeded' : 'failed')),
    );
    const reports = mending.executions('name done');
    expect(reports).toHaveLength(number > 0 ? 2 : 1);
    const indexes = (reports.at(-1)?.context?.failures ?? []).map(({ index = -1 }) => index);
    expect(indexes.sort()).toEqual(counts.flatMap((count, n) => (n > 0 && count === 1 ? [n] : [])));
  },
);

test('the same global expression can be used again and again, and is not changed', async () => {
  const swarm = await repaired('global');
  const error = /broken/g;
  error.lastIndex = 9;
  expect(await swarm.retryFailed({ indexes: [1], error })).toBe(1);
  await progressOf(swarm, { succeeded: 2, status: 'succeeded' });
  expect(await swarm.retryFailed({ error })).toBe(2);
  expect(error.lastIndex).toBe(9);
  await progressOf(swarm, { succeeded: 4, status: 'succeeded' });
});

test('a message wins over all that the item had; items that are not chosen keep theirs', async () => {
  mending.break('merged 0', 'merged 1');
  const swarm = await mage.swarm({
    tasks: [item('merged 0', { at: { x: 1, y: 1 }, list: [1] }), item('merged 1')],
    isSwarmClosed: true,
  });
  await swarm.run({ day: 'monday', at: { z: 1 } });
  await mending.settled(swarm);
  mending.mendAll();
  const message = { day: 'tuesday', at: { y: 2 }, list: [] };
  expect(await swarm.retryFailed({ indexes: [0], message })).toBe(1);
  await progressOf(swarm, { succeeded: 1, status: 'succeeded' });
  await mending.settled(swarm);
  const [first, second] = mending.executions('merged 0');
  expect(second?.input).toEqual({ ...first?.input, day: 'tuesday', at: { x: 1, y: 2, z: 1 }, list: [] });
  expect(second?.context?.message).toEqual({ day: 'monday', at: { z: 1 } });
  expect(await swarm.retryFailed()).toBe(1);
  await progressOf(swarm, { succeeded: 2, status: 'succeeded' });
  const [, later] = mending.executions('merged 1');
  expect(later?.input).toMatchObject({ day: 'monday', at: { z: 1 } });
});

test('chains and swarms are items with a name and an error of their own, and receive a message as their own', async () => {
  mending.break('step 0', 'inner 1');
  const sign = (label: string) => mage.sign(mend, { label });
  const chain = await mage.chain([await sign('step 0'), await sign('step 1')], { name: 'steps' });
  const inner = await mage.swarm({
    tasks: [await sign('inner 0'), await sign('inner 1')],
    config: { stopAfterNFailures: 1 },
    name: 'inner',
    isSwarmClosed: true,
  });
  const swarm = await mage.swarm({ tasks: [chain, inner, await sign('plain')], isSwarmClosed: true });
  await swarm.run({ day: 'monday' });
  await mending.settled(swarm);
  mending.mendAll();
  expect(await swarm.retryFailed({ name: 'inner', message: { day: 'tuesday' } })).toBe(1);
  await progressOf(swarm, { succeeded: 2, failed: 1, status: 'succeeded' });
  await mending.settled(swarm);
  expect(mending.counts('inner 0', 'inner 1', 'step 0')).toEqual({ 'inner 0': 1, 'inner 1': 2, 'step 0': 1 });
  const [, again] = mending.executions('inner 1');
  expect([again?.input['day'], again?.context?.message]).toEqual(['tuesday', { day: 'tuesday' }]);

  expect(await swarm.retryFailed({ error: 'step 1 of 2', message: { day: 'sunday' } })).toBe(1);
  await progressOf(swarm, { succeeded: 3, status: 'succeeded' });
  await mending.settled(swarm);
  expect(mending.executions('step 0').map(({ input }) => input['day'])).toEqual(['monday', 'sunday']);
  expect(mending.counts('step 0', 'step 1', 'plain')).toEqual({ 'step 0': 2, 'step 1': 1, plain: 1 });
});

test('children of a root task are chosen too, and the root waits for them again', async () => {
  mending.break('child 0', 'child 1');
  const parent = mage.rootTask({
    name: 'choosing-parent',
    fn: async () => {
      for (const n of [0, 1]) await (await mage.sign(mend, { label: `child ${n}` })).runNoWait({});
      return 'body';
    },
  });
  await fixture.worker([parent]);
  const signed = await mage.sign(parent);
  const handle = await signed.runNoWait();
  await handle.output.catch(() => undefined);
  await mending.settled(signed);
  const children = await signed.children();
  mending.mendAll();
  expect(await children.retryFailed({ error: 'nothing like it' })).toBe(0);
  expect(await children.retryFailed({ error: /child 1/ })).toBe(1);
  await progressOf(children, { succeeded: 1, failed: 1, status: 'succeeded' });
  await mending.settled(signed);
  expect(mending.counts('child 0', 'child 1')).toEqual({ 'child 0': 1, 'child 1': 2 });
});

test('a message with which an item does not fit its schema is refused before anything is retried', async () => {
  const swarm = await mage.swarm({ tasks: [-1, -2, 3].map((size) => [sized, { size }] as const), isSwarmClosed: true });
  await swarm.run();
  await statusOf(swarm, 'succeeded');
  const wrong: [RetryFailedOptions, string][] = [
    [{ message: { size: 'large' } }, 'the message of item 0 does not fit the input of sized: size: Invalid input'],
    [{ indexes: [1], message: { unit: 5 } }, 'the message of item 1 does not fit'],
    [{ message: { untt: 'm' } }, 'untt: there is no such field'],
    [{ message: [1] }, 'the message of retryFailed must be a plain object'],
  ];
  for (const [options, text] of wrong) {
    const error = await rejection(swarm.retryFailed(options));
    expect([error.name, error.message]).toEqual(['InvalidMessageError', expect.stringContaining(text)]);
  }
  expect(await swarm.progress()).toMatchObject({ failed: 2, status: 'succeeded' });
  expect(await swarm.retryFailed({ message: { size: 1, unit: 'm' } })).toBe(2);
  await progressOf(swarm, { succeeded: 3, status: 'succeeded' });
  expect(sizes.slice(3)).toEqual([
    [1, 'm'],
    [1, 'm'],
  ]);
});

test('unknown options and invalid values are refused, also of a chain', async () => {
  const swarm = await repaired('refused');
  const refused: [unknown, string][] = [
    [{ index: [1] }, 'index: unknown option of retryFailed. Known: indexes, name, error, message.'],
    [null, 'retryFailed: expected an object'],
    [{ indexes: 1 }, 'indexes: expected a list of the indexes of items, got 1.'],
    [{ indexes: [0, -1] }, 'indexes[1]: expected a whole number of at least 0, got -1.'],
    [{ indexes: ['1'] }, 'indexes[0]: expected a whole number of at least 0, got "1".'],
    [{ name: '' }, 'name: expected a string that is not empty'],
    [{ error: '' }, 'error: expected a string that is not empty or a regular expression, got "".'],
    [{ error: 5 }, 'error: expected a string that is not empty or a regular expression, got 5.'],
  ];
  for (const [options, text] of refused) {
    const error = await rejection(swarm.retryFailed(options as RetryFailedOptions));
    expect([error.name, error.message]).toEqual(['ConfigurationError', expect.stringContaining(text)]);
  }
  expect(countsOf('refused')).toEqual([1, 1, 1, 1]);
  const chain = await mage.chain([await mage.sign(mend, { label: 'refused chain' })]);
  await chain.run();
  const ofChain = chain as unknown as Swarm<unknown>;
  expect((await rejection(ofChain.retryFailed({ indexes: [0] }))).message).toContain('takes no options');
});

test('two processes that choose the same items at once have each of them run once', async () => {
  const swarm = await repaired('twice');
  const elsewhere = (await fixture.another().load(swarm.id)) as Swarm<unknown>;
  const answers = await Promise.all(
    [swarm, elsewhere, swarm].map((one) => one.retryFailed({ error: 'broken' }).catch((error: Error) => error.name)),
  );
  expect(answers.filter((answer) => answer === 3)).toHaveLength(1);
  expect(answers.filter((answer) => answer === 'ConfigurationError')).toHaveLength(2);
  await progressOf(swarm, { succeeded: 4, status: 'succeeded' });
  await mending.settled(swarm);
  expect(countsOf('twice')).toEqual([1, 2, 2, 2]);
});

test('a stopped swarm whose cut off items stay is cancelled again, and says why', async () => {
  mending.break('cut 0');
  const swarm = await mage.swarm({
    tasks: [item('cut 0'), item('cut 1'), item('cut 2')],
    config: { maxConcurrency: 1, stopAfterNFailures: 1 },
    successCallbacks: [await callbackNamed('cut done')],
    errorCallbacks: [await callbackNamed('cut alert')],
    isSwarmClosed: true,
  });
  await rejection(swarm.run({}));
  await mending.settled(swarm);
  mending.mendAll();
  expect(await swarm.retryFailed({ indexes: [0] })).toBe(1);
  await statusOf(swarm, 'cancelled');
  await mending.settled(swarm);
  expect((await rejection(swarm.wait())).message).toContain('cut off were not retried');
  expect(mending.counts('cut done', 'cut alert')).toEqual({ 'cut done': 0, 'cut alert': 2 });
  expect((await all(swarm)).map(({ status }) => status)).toEqual(['succeeded', 'cancelled', 'cancelled']);
  expect(await swarm.retryFailed()).toBe(2);
  await progressOf(swarm, { succeeded: 3, status: 'succeeded' });
});
