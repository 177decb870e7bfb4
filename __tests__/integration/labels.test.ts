import { mageContext } from '../../src';
import { field } from '../../src/store/scripts.generated';
import { eventually } from '../helpers/fixture';
import { rejection } from '../helpers/outcomes';
import { openTasks } from '../helpers/task-set';

const { fixture, taskSet, mage, work, callback } = openTasks();
const seen = new Map<string, string[] | undefined>();
const customers = new Map<string, unknown>();
const noting = mage.task({
  name: 'noting',
  fn: ({ label }: { label: string }, ctx) => {
    const customer = ctx.additionalMetadata()['customer'] ?? null;
    seen.set(label, mageContext()?.tags);
    customers.set(label, customer);
    return { customer };
  },
});
const parent = mage.rootTask({
  name: 'noting-parent',
  fn: async ({ label }: { label: string }) => {
    await (await mage.sign(noting, { label: `${label} child` }, { tags: ['of the child'] })).runNoWait({});
    return {};
  },
});
beforeAll(async () => {
  await fixture.worker([noting, parent]);
});

test('list finds swarms, chains and tasks by a tag, and shows the tags', async () => {
  const tags = ['customer 7', 'import'];
  const swarm = await mage.swarm({ tags, name: 'tagged swarm' });
  const chain = await mage.chain([await mage.sign(work, { label: 'tagged step' })], { tags: ['import'] });
  await chain.runNoWait({});
  const task = await mage.sign(work, { label: 'tagged' }, { tags: ['import', 'import'] });
  await task.runNoWait({});
  await mage.swarm({ name: 'untagged' });
  const { items } = await mage.list({ tag: 'import' });
  expect(items.map(({ id }) => id)).toEqual([task.id, chain.id, swarm.id]);
  expect(items.map((item) => item.tags)).toEqual([['import'], ['import'], tags]);
  expect((await mage.list({ tag: 'customer 7' })).items).toHaveLength(1);
  expect((await mage.list({ tag: 'customer' })).items).toEqual([]);
});

test('describe shows tags and metadata, of groups and of items', async () => {
  const item = await mage.sign(work, {}, { tags: ['item'], metadata: { row: '1' } });
  const swarm = await mage.swarm({ tasks: [item, work], tags: ['swarm'], metadata: { customer: 'acme' } });
  const shown = await mage.describe(swarm.id);
  expect(shown).toMatchObject({ tags: ['swarm'], metadata: { customer: 'acme' } });
  expect(shown.children[0]).toMatchObject({ tags: ['item'], metadata: { row: '1' } });
  expect(shown.children[1]).not.toHaveProperty('tags');
  expect(await mage.describe(item.id)).toMatchObject({ tags: ['item'], metadata: { row: '1' } });
});

test('the runs of a group have its metadata, and a body sees the tags of all groups around it', async () => {
  const chain = await mage.chain([await mage.sign(noting, { label: 'step' })], { tags: ['chain'] });
  const swarm = await mage.swarm({
    tasks: [
      [noting, { label: 'item' }, { tags: ['item'], metadata: { customer: 'own' } }],
      [noting, { label: 'other' }],
      chain,
    ],
    tags: ['outer'],
    metadata: { customer: 'acme' },
    successCallbacks: [await mage.sign(callback, { label: 'tagged callback' })],
    isSwarmClosed: true,
  });
  expect(await swarm.run({})).toEqual([{ customer: 'own' }, { customer: 'acme' }, { customer: 'acme' }]);
  expect(seen.get('item')).toEqual(['outer', 'item']);
  expect(seen.get('other')).toEqual(['outer']);
  expect(seen.get('step')).toEqual(['outer', 'chain']);
  const { context } = await taskSet.onlyExecution('tagged callback', swarm);
  expect(context?.tags).toEqual(['outer']);
});

test('the children of a root see its tags, and their runs have its metadata', async () => {
  const root = await mage.sign(parent, { label: 'root' }, { tags: ['root'], metadata: { customer: 'acme' } });
  await root.run({});
  await taskSet.settled(root);
  expect(seen.get('root child')).toEqual(['root', 'of the child']);
  expect(customers.get('root child')).toBe('acme');
});

test('a body without tags sees none', async () => {
  await (await mage.sign(noting, { label: 'bare' })).run({});
  expect(seen.get('bare')).toBeUndefined();
});

test('a swarm, a chain and a task can have a retention of their own', async () => {
  const retention = { finishedMs: 5 * 60_000, abandonedMs: 7 * 60_000 };
  const swarm = await mage.swarm({ retention });
  const waiting = await mage.swarm({});
  const chain = await mage.chain([await mage.sign(work, { label: 'kept step' })], { retention });
  await chain.run({});
  const task = await mage.sign(work, { label: 'kept' }, { retention });
  await task.run({});
  await taskSet.settled(chain);
  await taskSet.settled(task);
  const left = async (id: string) => {
    const key = (await fixture.keys()).find((one) => one.endsWith(`{${id}}`) || one.includes(`{${id}}`)) as string;
    return fixture.redis.pttl(key);
  };
  for (const { id } of [chain, task]) {
    expect(await left(id)).toBeGreaterThan(4 * 60_000);
    expect(await left(id)).toBeLessThanOrEqual(5 * 60_000 + 1_000);
  }
  expect(await left(swarm.id)).toBeLessThanOrEqual(7 * 60_000);
  expect(await left(waiting.id)).toBeGreaterThan(7 * 60_000);
});

test('in another group the retention of the outermost group counts, also for how long nothing may happen', async () => {
  const before = new Set(await fixture.keys());
  const retention = { finishedMs: 60_000, abandonedMs: 60_000 };
  const swarm = await mage.swarm({
    tasks: [
      await mage.swarm({ tasks: [[work, { label: 'innermost' }]], isSwarmClosed: true, retention }),
      await mage.chain([await mage.sign(work, { label: 'step below' })], { retention }),
      await mage.sign(parent, { label: 'root below' }, { retention }),
    ],
    retention: { finishedMs: 5 * 60_000, abandonedMs: 7 * 60_000 },
    isSwarmClosed: true,
  });
  await swarm.run({});
  await taskSet.settled(swarm);
  const states = (await fixture.keys()).filter((key) => !before.has(key) && key.endsWith('}:g'));
  // The swarm, the swarm and the chain in it, and the children of the root.
  expect(states).toHaveLength(4);
  const times = (name: string) => Promise.all(states.map((state) => fixture.redis.hget(state, name)));
  expect(await times(field.abandonedAfter)).toEqual(states.map(() => '420000'));
  // The outermost group gives them its retention when it has ended.
  await eventually('each is kept for its time', async () => new Set(await times(field.retention)).size === 1);
  expect(await times(field.retention)).toEqual(states.map(() => '300000'));
});

test.each([
  [{ tags: 'one' }, 'expected a list of at most 20 texts, got "one".'],
  [{ tags: [''] }, 'expected a string that is not empty'],
  [{ tags: ['x'.repeat(101)] }, 'expected texts of 1 to 100 characters, got a string of 101 characters.'],
  [{ tags: Array.from({ length: 21 }, (_, i) => `${i}`) }, 'expected a list of at most 20 texts, got 21 of them.'],
  [{ metadata: { 'mageflow.name': 'x' } }, 'the key mageflow.name is reserved for mageflow.'],
  [{ metadata: { a: 1 } }, 'expected a string without NUL at "a", got 1.'],
  [{ retention: { finishedMs: 0 } }, 'expected a whole number of at least 1, got 0.'],
  [{ retention: { days: 1 } }, 'days: unknown field of retention.'],
])('%j is refused', async (options, message) => {
  expect((await rejection(mage.swarm(options as never))).message).toContain(message);
  expect((await rejection((async () => mage.sign(work, {}, options as never))())).message).toContain(message);
  expect((await rejection(mage.chain([work], options as never))).message).toContain(message);
});
