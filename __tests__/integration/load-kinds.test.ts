// `load(id, { kind })`: what is loaded is what is asked for, or an error says what it is.
import { ConfigurationError, NotFoundError } from '../../src';
import { Fixture } from '../helpers/fixture';
import { rejection } from '../helpers/outcomes';
import { TaskSet } from '../helpers/task-set';

const fixture = new Fixture();
const taskSet = new TaskSet(fixture);
const { mage } = fixture;
const { work } = taskSet;
const root = mage.rootTask({ name: 'root', fn: () => ({ rooted: true }) });

beforeAll(() => fixture.worker([...taskSet.tasks, root]));
afterAll(() => fixture.close());

const kinds = ['task', 'root', 'chain', 'swarm'] as const;
const make = {
  task: () => mage.sign(work, {}, { name: 'one' }),
  root: () => mage.sign(root, {}, { name: 'one' }),
  chain: () => mage.chain([work], { name: 'one' }),
  swarm: () => mage.swarm({ tasks: [work], name: 'one', isSwarmClosed: true }),
};

test.each(kinds)('a %s is loaded by its own kind, and asking for another one says what it is', async (kind) => {
  const { id } = await (await make[kind]()).runNoWait({});
  const loaded = await fixture.another().load(id, { kind });
  expect([loaded.id, loaded.kind]).toEqual([id, kind]);
  for (const other of kinds.filter((name) => name !== kind)) {
    const error = await rejection(mage.load(id, { kind: other }));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toBe(
      `load: expected a ${other}, but ${id} is the ${kind} "one". Load it with { kind: '${kind}' }, or without a kind.`,
    );
  }
});

test('the items of a swarm, and a callback that is a swarm or chain, have their own kinds too', async () => {
  const chain = await mage.chain([work]);
  const inner = await mage.swarm({ tasks: [work], isSwarmClosed: true });
  const batch = await mage.swarm({ tasks: [chain, inner, root, work] });
  for (const { id, kind } of (await mage.describe(batch.id)).children)
    expect((await mage.load(id, { kind })).kind).toBe(kind);
  const [follow, pair] = [await make.chain(), await make.swarm()];
  await (await mage.sign(work, {}, { successCallbacks: [follow, pair] })).run();
  await Promise.all([follow.wait(), pair.wait()]);
  expect((await mage.load(follow.id, { kind: 'chain' })).kind).toBe('chain');
  expect((await mage.load(pair.id, { kind: 'swarm' })).kind).toBe('swarm');
});

test('the firings of callbacks that describe lists are loaded as what describe says of them', async () => {
  const callbacks = [await make.chain(), await make.swarm(), work];
  const task = await mage.sign(work, {}, { successCallbacks: callbacks });
  await task.run();
  const { callbacks: fired = [] } = await mage.describe(task.id);
  expect(fired.map(({ kind }) => kind)).toEqual(['chain', 'swarm', 'task']);
  for (const { id, kind } of fired) {
    const loaded = await mage.load(id, { kind });
    expect(loaded.kind).toBe(kind);
    await loaded.wait();
    expect(await loaded.status()).toBe('succeeded');
  }
});

test('a wrong kind, an unknown option and an unknown id are refused', async () => {
  const swarm = await mage.swarm();
  expect((await rejection(mage.load(swarm.id, { kind: 'flow' } as never))).message).toBe(
    'kind of load: expected one of task, root, chain, swarm, got "flow".',
  );
  expect((await rejection(mage.load(swarm.id, { kinds: 'task' } as never))).message).toContain('kinds: unknown option');
  expect(await rejection(mage.load('unknown', { kind: 'task' }))).toBeInstanceOf(NotFoundError);
});
