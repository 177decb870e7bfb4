import type { Swarm } from '../../src';
import { stateKey } from '../helpers/dump';
import { Faults } from '../helpers/faults';
import { eventually } from '../helpers/fixture';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 250 });
// Nobody cleans up the keys that this suite corrupts.
faults.checksKeys = false;
const { mage, redis, log } = faults;
const { store } = faults.deadProcess();
const ran: number[] = [];
const item = mage.task({ name: 'item', fn: async ({ n }: { n: number }) => (ran.push(n), { n }) });
const note = mage.task({ name: 'note', fn: () => 'noted' });

beforeAll(() => faults.worker([item, note]));
afterAll(() => faults.close());

let next = 0;
/** A swarm whose first item a dead process was to publish: only the reconciler goes on with it. */
async function left(): Promise<Swarm<unknown>> {
  const tasks = [1, 2].map(() => [item, { n: next++ }] as const);
  const swarm = await mage.swarm({
    tasks,
    config: { maxConcurrency: 1 },
    successCallbacks: [note],
    isSwarmClosed: true,
  });
  await store.run(swarm.id, '{}');
  return swarm;
}

/** The keys of a group, by the letter that ends them. */
async function keyOf(swarm: { id: string }, letter: string): Promise<string> {
  return `${(await stateKey(faults, swarm)).slice(0, -1)}${letter}`;
}

const text = (letter: string) => async (swarm: Swarm<unknown>) => {
  const key = await keyOf(swarm, letter);
  await redis.del(key);
  await redis.set(key, '\xff not what it was');
};
const field = (letter: string, name: string, value: string) => async (swarm: Swarm<unknown>) => {
  await redis.hset(await keyOf(swarm, letter), name, value);
};

const corruptions: [string, (swarm: Swarm<unknown>) => Promise<void>][] = [
  ['a group that is a text', text('g')],
  ['items that are a text', text('s')],
  ['leases that are a text', text('l')],
  ['active entries that are a text', text('a')],
  ['a status that does not exist', field('g', 'st', 'no such status')],
  ['counters that are no numbers', field('g', 'sl', 'NaN')],
  ['counters that are far too large', field('g', 'tot', '1e308')],
  ['a secret that is another one', field('g', 'sec', 'forged')],
  ['a parent that is no group', field('g', 'pg', '}{')],
  ['what is above it that is no JSON', field('g', 'ctx', '{')],
  ['options that are no JSON', field('g', 'opt', '[')],
  ['callbacks that are no JSON', field('g', 'cs', '{{{')],
  ['callbacks that are no list', field('g', 'cs', '7')],
  ['callbacks nested beyond what can be read', field('g', 'cs', '['.repeat(5_000))],
  ['an item that is no JSON', field('s', '0', '*{\nnot json')],
  ['an item without anything', field('s', '0', '')],
  ['an entry in a state that does not exist', field('a', '0', 'nowhere||||||||||')],
  ['an entry that does not exist', field('a', 'x|y', '|||')],
];

test.each(corruptions)('%s stops nobody else', async (_, corrupt) => {
  const [broken, ...others] = await Promise.all([left(), left(), left()]);
  await corrupt(broken as Swarm<unknown>);
  // Made afterwards, it is published by the process itself.
  const fresh = await mage.swarm({ tasks: [[item, { n: -1 }]], isSwarmClosed: true });
  await expect(fresh.run()).resolves.toEqual([{ n: -1 }]);
  for (const swarm of others) expect(await faults.ended(swarm)).toBe('succeeded');
  await expect(mage.load(others[0]?.id ?? '')).resolves.toBeDefined();
});

test('members of the indexes that name nothing are dropped or put off, and the others are looked after', async () => {
  const swarm = await left();
  const index = store.keys.dueIndexOf(swarm.id);
  const junk = ['', '}', '{', 'nobody', '\n', '__proto__', 'x'.repeat(10_000)];
  await redis.zadd(index, ...junk.flatMap((member) => [0, member]));
  await redis.zadd(store.keys.topLevelIndex(), ...junk.flatMap((member) => [0, member]));
  await redis.hset(store.keys.served(), '__proto__', 'x', 'item', 'forged');
  expect(await faults.ended(swarm)).toBe('succeeded');
  await eventually('junk is gone', async () => (await redis.zscore(index, 'nobody')) === null);
  expect(log.lines.filter((line) => line.includes('unhandled'))).toEqual([]);
});
