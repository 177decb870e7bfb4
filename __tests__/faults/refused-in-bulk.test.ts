import { ConfigurationError, type MageflowEvents, type SignOptions, type Swarm } from '../../src';
import { stateKey } from '../helpers/dump';
import { eventually } from '../helpers/fixture';
import { openTasks, shortLease } from '../helpers/task-set';
import { expectRefusal } from '../helpers/refusals';
import { rejection } from '../helpers/outcomes';

const { fixture, mage, taskSet, work, callback } = openTasks(shortLease);
const closed = { isSwarmClosed: true } as const;
const callbackNamed = (label: string) => mage.sign(callback, { label });

/** Fine when it is checked, and what the engine refuses when it is stored. */
const twoFaced = () => {
  let asked = 0;
  return { field: { toJSON: () => (asked++ === 0 ? 'fine' : 'x\0y') } } as object;
};

const labelled = () => mage.sign(work, {}, { desiredWorkerLabels: { size: { value: 1 } } });

/** Has an item carry a label that can't even be sent. Nobody can hand one in: labels are checked, and copied. */
async function makeUnsendable(swarm: { id: string }, index: number): Promise<void> {
  const key = `${(await stateKey(fixture, swarm)).slice(0, -1)}s`;
  const spec = (await fixture.redis.hget(key, String(index))) ?? '';
  const spoilt = spec.replace('"value":1', '"value":1000000000000');
  expect(spoilt).not.toBe(spec);
  await fixture.redis.hset(key, String(index), spoilt);
}

async function ends(swarm: Pick<Swarm<unknown>, 'results'>) {
  const items = [];
  for await (const { index, status, output, error } of swarm.results()) items[index] = { status, output, error };
  return items;
}

const good = (value: number) => [work, { value }] as const;
const failed = (words: RegExp) => ({ status: 'failed', error: expect.stringMatching(words) as string });

test('bad ones fail, each for its own reason, and the good ones among them run', async () => {
  const swarm = await mage.swarm({
    tasks: [good(0), 'nobody-serves-this', good(2), [work, twoFaced()], good(4), await labelled(), good(6)],
    successCallbacks: [await callbackNamed('mixed')],
    ...closed,
  });
  await makeUnsendable(swarm, 5);
  expect(await swarm.run()).toEqual([0, 2, 4, 6]);
  expect(await ends(swarm)).toMatchObject([
    { output: 0 },
    failed(/no worker has registered a task named nobody-serves-this/),
    { output: 2 },
    failed(/the engine refused to run work: .*null/i),
    { output: 4 },
    failed(/the engine refused to run work: .*serialization failure/),
    { output: 6 },
  ]);
  await taskSet.onlyExecution('mixed', swarm);
});

test('several bad ones in two full bulk calls stop none of the good ones', async () => {
  const bad = new Map<number, string | object>([0, 250, 499, 500, 611].map((index) => [index, twoFaced()]));
  bad.set(77, 'nobody-serves-this').set(555, 'nor-this');
  const swarm = await mage.swarm({
    tasks: Array.from({ length: 612 }, (_, n) => {
      const instead = bad.get(n);
      return typeof instead === 'string' ? instead : ([work, instead ?? { value: n }] as const);
    }),
    config: { maxConcurrency: 1_000 },
    ...closed,
  });
  const { output } = await swarm.runNoWait();
  const unexpected: unknown[] = [];
  for await (const item of swarm.results())
    if (item.status !== 'succeeded' && !bad.has(item.index)) unexpected.push(item);
  expect(unexpected).toEqual([]);
  expect(await output).toEqual(Array.from({ length: 612 }, (_, n) => n).filter((n) => !bad.has(n)));
  expect(await swarm.progress()).toMatchObject({ total: 612, succeeded: 605, failed: 7, status: 'succeeded' });
}, 300_000);

test('a bad step ends its chain with its reason', async () => {
  const chain = await mage.chain(
    [
      await mage.sign(work, { label: 'before', waitFor: 'chain' }),
      await labelled(),
      await mage.sign(work, { label: 'after' }),
    ],
    { errorCallbacks: [await callbackNamed('chain')] },
  );
  const { output } = await chain.runNoWait({});
  await taskSet.started('before');
  await makeUnsendable(chain, 1);
  taskSet.openGate('chain');
  expect((await rejection(output)).message).toMatch(/the engine refused to run work/);
  await taskSet.onlyExecution('chain', chain);
  expect(taskSet.order('before', 'after')).toEqual(['before']);
});

test('a bad callback leaves the others and the status of what it belongs to alone', async () => {
  const errors: MageflowEvents['error'][] = [];
  const stop = mage.on('error', (error) => errors.push(error));
  const swarm = await mage.swarm({
    tasks: [good(1)],
    successCallbacks: [await mage.sign(callback, twoFaced()), await callbackNamed('good callback')],
    ...closed,
  });
  expect(await swarm.run()).toEqual([1]);
  await taskSet.onlyExecution('good callback', swarm);
  expect(await swarm.status()).toBe('succeeded');
  await eventually('it is told', () => errors.length === 1);
  stop();
});

// The engine takes what it can't keep of these, and loses all that was published in the same call.
test.each([
  [{ gpu: null }, 'an object with a value at "gpu", got null'],
  [{ gpu: 'large' }, 'an object with a value at "gpu", got "large"'],
  [{ gpu: {} }, 'as the value of "gpu", got undefined'],
  [{ gpu: { value: 'a\0b' } }, 'as the value of "gpu"'],
  [{ 'g\0pu': { value: 'a' } }, 'names without NUL'],
  [{ gpu: { value: 1.5 } }, 'as the value of "gpu", got 1.5'],
  [{ gpu: { value: 2 ** 31 } }, 'as the value of "gpu", got 2147483648'],
  [{ gpu: { value: 1, weight: 'x' } }, 'as the weight of "gpu", got "x"'],
  [{ gpu: { value: 1, required: 'yes' } }, 'as required of "gpu", got "yes"'],
  [{ gpu: { value: 1, comparator: 'EQUAL' } }, 'as the comparator of "gpu", got "EQUAL"'],
])('labels that the engine can not keep are refused at once: %p', async (labels, text) => {
  const options = { desiredWorkerLabels: labels } as unknown as SignOptions;
  const item = await mage.sign(work);
  await expectRefusal(fixture, () => mage.sign(work, {}, options), ConfigurationError, text);
  await expectRefusal(fixture, () => item.runNoWait({}, options), ConfigurationError, text);
  await expectRefusal(fixture, () => mage.swarm({ tasks: [[work, {}, options]] }), ConfigurationError, text);
});

test('labels as the SDK takes them stay allowed', async () => {
  const labels = { model: { value: 'any', required: false, weight: 2, comparator: 0 }, memory: { value: 16 } };
  const item = await mage.sign(work, { value: 'labelled' }, { desiredWorkerLabels: labels });
  expect(await item.run({})).toBe('labelled');
});
