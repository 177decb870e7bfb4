import { AlreadyStartedError, ConfigurationError, InvalidMessageError, NotFoundError } from '../../../src';
import { expectRefusal } from '../../helpers/refusals';
import { openTasks, shortLease } from '../../helpers/task-set';
import { rejection, statusOf } from '../../helpers/outcomes';

const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);

type Options = Parameters<typeof mage.chain>[1];

test('a chain runs once', async () => {
  const chain = await mage.chain([await mage.sign(work, { label: 'once' })], { name: 'only once' });
  await chain.run({});
  for (const again of [() => chain.run({}), () => chain.runNoWait({})]) {
    const error = await rejection(again());
    expect(error).toBeInstanceOf(AlreadyStartedError);
    expect(error.message).toContain('only once');
  }
  expect(await rejection((await mage.load(chain.id)).run({}))).toBeInstanceOf(AlreadyStartedError);
  expect(taskSet.executions('once')).toHaveLength(1);
});

test('of two runs of one chain at the same time one is refused', async () => {
  const chain = await mage.chain([await mage.sign(work, { label: 'race' })]);
  const results = await Promise.allSettled([chain.run({}), chain.run({})]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(taskSet.executions('race')).toHaveLength(1);
});

test('one key makes one chain, whoever makes it', async () => {
  const make = (from: typeof mage, label: string) => from.chain(['work', 'work'], { key: 'nightly etl', name: label });
  const first = await make(mage, 'first');
  const second = await make(fixture.another(), 'second');
  expect(second.id).toBe(first.id);
  expect(await second.status()).toBe('pending');
  await first.run({ label: 'keyed' });
  expect(await second.status()).toBe('succeeded');
  const third = await make(mage, 'third');
  expect(await third.run({ label: 'keyed' })).toEqual(await second.run({ label: 'keyed' }));
  expect([first.created, second.created, third.created]).toEqual([true, false, false]);
  expect(taskSet.executions('keyed')).toHaveLength(1);
  const other = await mage.chain([work], { key: 'another etl' });
  expect(other.id).not.toBe(first.id);
  const task = await mage.sign(work, {}, { key: 'nightly etl' });
  expect(task.id).not.toBe(first.id);
});

test('making a chain writes nothing: before its run it is pending, and nobody else knows it', async () => {
  const before = await fixture.writtenKeys();
  const chain = await mage.chain([work, 'work'], { successCallbacks: [callback], errorCallbacks: ['callback'] });
  expect(await chain.status()).toBe('pending');
  expect(await rejection(mage.load(chain.id))).toBeInstanceOf(NotFoundError);
  expect(await fixture.writtenKeys()).toEqual(before);
});

test('the steps of a chain are pending before it runs, and have their own status from then on', async () => {
  const first = await mage.sign(work, { waitFor: 'first step' });
  const second = await mage.sign(work, {});
  const chain = await mage.chain([first, second]);
  const states = () => Promise.all([chain, first, second].map((signature) => signature.status()));
  expect(await states()).toEqual(['pending', 'pending', 'pending']);
  const handle = await chain.runNoWait({});
  await statusOf(first, 'running');
  expect(await chain.status()).toBe('running');
  expect(['pending', 'queued']).toContain(await second.status());
  taskSet.openGate('first step');
  await handle.output;
  expect(await states()).toEqual(['succeeded', 'succeeded', 'succeeded']);
});

test('a step is run by its chain, never by itself', async () => {
  const step = await mage.sign(work, { label: 'by itself' });
  const chain = await mage.chain([step, work], { name: 'etl' });
  for (const run of [() => step.run({}), () => step.runNoWait({})])
    await expectRefusal(fixture, run, ConfigurationError, 'work', '"etl"');
  await chain.run({});
  const loaded = await mage.load(step.id);
  expect(await rejection(loaded.run({}))).toBeInstanceOf(ConfigurationError);
  expect(taskSet.executions('by itself')).toHaveLength(1);
});

test('a chain has no run of its own: the runId of its handle rejects when it is read', async () => {
  const chain = await mage.chain([await mage.sign(work, { waitFor: 'no run' })]);
  const handle = await chain.runNoWait({});
  expect(handle.id).toBe(chain.id);
  expect(await rejection(handle.runId)).toBeInstanceOf(ConfigurationError);
  taskSet.openGate('no run');
  await handle.output;
  expect(await rejection(handle.runId)).toBeInstanceOf(ConfigurationError);
});

test('run of a chain waits no longer than its timeout, and the chain goes on', async () => {
  const chain = await mage.chain([await mage.sign(work, { waitFor: 'long', value: 1 }), work]);
  expect(await rejection(chain.run({}, { timeoutMs: 50 }))).toMatchObject({ name: 'WaitTimeoutError' });
  expect(await chain.status()).toBe('running');
  taskSet.openGate('long');
  await statusOf(chain, 'succeeded');
});

describe('is refused, and nothing is written', () => {
  test.each([
    ['no tasks', [], 'at least one task', 'an empty list'],
    ['undefined for tasks', undefined, 'at least one task', 'undefined'],
    ['a task for a list', 'work', 'at least one task', '"work"'],
    ['undefined as a task', ['work', undefined], 'tasks[1]', 'undefined'],
    ['a number as a task', [7], 'tasks[0]', '7'],
    ['a function as a task', [() => 1], 'tasks[0]', 'a function'],
    ['an empty name', [''], 'tasks[0]', '""'],
    ['an object that is no task', ['work', {}], 'tasks[1]', 'an object'],
  ])('%s', async (_, tasks, ...texts) => {
    await expectRefusal(fixture, () => mage.chain(tasks as never), ConfigurationError, ...(texts as string[]));
  });

  test.each([
    [{ sucessCallbacks: [] }, 'sucessCallbacks: unknown option of chain'],
    [{ config: {} }, 'config: unknown option of chain'],
    [{ name: '' }, 'name'],
    [{ key: 4 }, 'key'],
    [{ priority: 9 }, 'priority'],
    [{ additionalMetadata: { 'mageflow.chain': 'x' } }, 'mageflow.chain'],
    [{ successCallbacks: [7] }, 'successCallbacks[0]'],
    [{ errorCallbacks: 'callback' }, 'errorCallbacks'],
    [[], 'option'],
  ])('the options %j', async (options, text) => {
    await expectRefusal(fixture, () => mage.chain([work], options as Options), ConfigurationError, text);
  });

  test.each([
    ['a function', { f: () => 1 }, '.f'],
    ['NaN', { n: NaN }, '.n'],
    ['a Map', { m: new Map() }, '.m'],
    ['NUL', { s: 'a\0b' }, '.s'],
    ['a key of the prototype', JSON.parse('{"__proto__": 1}') as object, '__proto__'],
    ['a list', [1], 'the message to etl'],
    ['a text', 'text', 'the message to etl'],
  ])('a message with %s', async (_, message, text) => {
    const chain = await mage.chain([await mage.sign(work, { label: 'bad message' })], { name: 'etl' });
    await expectRefusal(fixture, () => chain.runNoWait(message as never), InvalidMessageError, text);
    expect(await chain.status()).toBe('pending');
    // It is as if nobody had tried.
    await chain.run({});
  });

  test('an unknown option of its run', async () => {
    const chain = await mage.chain([work]);
    await expectRefusal(fixture, () => chain.runNoWait({}, { prio: 1 } as never), ConfigurationError, 'prio');
    await expectRefusal(fixture, () => chain.run({}, { priority: 7 } as never), ConfigurationError, 'priority');
    expect(await chain.status()).toBe('pending');
  });

  test('data paired with a signature, as in a list of entries', async () => {
    const step = await mage.sign(work);
    await expectRefusal(fixture, () => mage.chain([[step, { a: 1 }]] as never), ConfigurationError, 'tasks[0]');
    // It is free for another chain.
    await mage.chain([step]);
  });
});
