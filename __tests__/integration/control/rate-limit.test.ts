import { eventually } from '../../helpers/fixture';
import { rejection } from '../../helpers/outcomes';
import { openTasks, shortLease } from '../../helpers/task-set';

const { fixture, taskSet, mage, work } = openTasks(shortLease);
const hour = 3_600_000;
const parent = mage.rootTask({
  name: 'limited-parent',
  rateLimit: { limit: 1, perMs: hour, burst: 2 },
  fn: async ({ label }: { label: string }) => {
    for (let i = 0; i < 3; i++) await (await mage.sign(work, { label: `${label} ${i}` })).runNoWait({});
    return {};
  },
});
beforeAll(async () => {
  await fixture.worker([parent]);
});

const items = (label: string, count: number) => Array.from({ length: count }, () => [work, { label }] as const);

test('a swarm starts no more items than its rate limit allows, in any process, and all of them in the end', async () => {
  const other = fixture.another(shortLease);
  const worker = await other.worker('other', { workflows: taskSet.tasks, slots: 100, handleKill: false });
  const running = worker.start();
  await worker.waitUntilReady(120_000);
  const [limit, perMs, burst, count] = [20, 1_000, 5, 45];
  const swarm = await mage.swarm({
    tasks: items('many', count),
    config: { rateLimit: { limit, perMs, burst }, maxConcurrency: 100 },
    isSwarmClosed: true,
  });
  const began = Date.now();
  const { output } = await swarm.runNoWait({});
  await eventually('it waits', async () => (await swarm.progress()).rateLimited);
  const { nextStartAt } = await swarm.progress();
  expect(nextStartAt === undefined || nextStartAt instanceof Date).toBe(true);
  expect(await output).toHaveLength(count);
  expect(taskSet.executions('many')).toHaveLength(count);
  // By Redis's clock, so a millisecond of rounding each.
  expect(Date.now() - began).toBeGreaterThanOrEqual(((count - burst) / limit) * perMs - 5);
  expect(await swarm.progress()).toMatchObject({ status: 'succeeded', rateLimited: false, nextStartAt: undefined });
  await worker.stop();
  await running;
});

test('the rate limit of a running swarm can be taken away, and its items start at once', async () => {
  const swarm = await mage.swarm({
    tasks: items('freed', 6),
    config: { rateLimit: { limit: 1, perMs: hour, burst: 2 } },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait({});
  await eventually('it waits', async () => {
    const { rateLimited, succeeded, nextStartAt } = await swarm.progress();
    return rateLimited && succeeded === 2 && nextStartAt !== undefined;
  });
  expect((await swarm.progress()).nextStartAt?.getTime()).toBeGreaterThan(Date.now() + hour / 2);
  expect(await mage.describe(swarm.id)).toMatchObject({ config: { rateLimit: { limit: 1, perMs: hour, burst: 2 } } });
  await swarm.update({ rateLimit: null });
  expect(await output).toHaveLength(6);
});

test('a chain in a limited swarm takes one token, and its steps none', async () => {
  const chain = async () => mage.chain(await Promise.all([1, 2, 3].map(() => mage.sign(work, { label: 'step' }))));
  const swarm = await mage.swarm({
    tasks: [await chain(), await chain(), await chain()],
    config: { rateLimit: { limit: 1, perMs: hour, burst: 2 } },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await eventually('two chains end', async () => (await swarm.progress()).succeeded === 2);
  expect(taskSet.executions('step')).toHaveLength(6);
  expect(await swarm.progress()).toMatchObject({ rateLimited: true, running: 0, queued: 1 });
  await swarm.cancel();
});

test('the children of a root task start by its rate limit', async () => {
  const root = await mage.sign(parent, { label: 'child' });
  await root.runNoWait({});
  const children = await root.children();
  await eventually('two children end', async () => (await children.progress()).succeeded === 2);
  expect(await children.progress()).toMatchObject({ rateLimited: true, queued: 1 });
  await root.cancel();
});

test('a limited swarm that is suspended starts nothing when a token comes, and goes on when it is resumed', async () => {
  const swarm = await mage.swarm({
    tasks: items('held', 4),
    config: { rateLimit: { limit: 1, perMs: 200, burst: 1 } },
    isSwarmClosed: true,
  });
  const { output } = await swarm.runNoWait({});
  await eventually('one has ended', async () => (await swarm.progress()).succeeded >= 1);
  await swarm.suspend();
  expect(await swarm.progress()).toMatchObject({ status: 'suspended', rateLimited: false, nextStartAt: undefined });
  await swarm.resume();
  expect(await output).toHaveLength(4);
});

test('a process that closes hands its next start over', async () => {
  const closing = fixture.another(shortLease);
  const swarm = await closing.swarm({
    tasks: items('handed over', 3),
    config: { rateLimit: { limit: 1, perMs: 1_500, burst: 1 }, maxConcurrency: 1 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  await closing.close();
  expect(await (await mage.load(swarm.id, { kind: 'swarm' })).wait()).toHaveLength(3);
});

test.each([
  [{ rateLimit: 5 }, 'rateLimit: expected { limit, perMs, burst? }, got 5.'],
  [{ rateLimit: { limit: 1 } }, 'rateLimit.perMs: expected a whole number, got nothing.'],
  [{ rateLimit: { limit: 0, perMs: 1 } }, 'rateLimit.limit: expected a whole number from 1 to 1000000, got 0.'],
  [{ rateLimit: { limit: 1, perMs: 1.5 } }, 'rateLimit.perMs: expected a whole number from 1 to 2678400000, got 1.5.'],
  [
    { rateLimit: { limit: 1, perMs: 1, burst: 0 } },
    'rateLimit.burst: expected a whole number from 1 to 1000000, got 0.',
  ],
  [{ rateLimit: { limit: 1, per: 1 } }, 'per: unknown field of rateLimit. Known: limit, perMs, burst.'],
])('%j is refused', async (config, message) => {
  expect((await rejection(mage.swarm({ config: config as never }))).message).toBe(message);
});
