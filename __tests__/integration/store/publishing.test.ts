// What the publisher does while the engine refuses, is slow or is away: on the real Redis, with an engine that runs bodies at once.
import { randomUUID } from 'node:crypto';
import { InstantEngine } from '../../../bench/helpers/instant-engine';
import type { Mageflow } from '../../../src';
import type { Outbox } from '../../../src/orchestrator/outbox';
import { eventually, Fixture, gate } from '../../helpers/fixture';

interface Run {
  workflowName: string;
  input: Record<string, unknown>;
}
type Publish = (runs: readonly Run[]) => Promise<unknown>;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** An instance whose engine runs bodies at once, with its calls in the hands of the test. */
function open(options: ConstructorParameters<typeof Fixture>[0] = {}, namespace = `p${randomUUID().slice(0, 8)}`) {
  const engine = new InstantEngine(namespace);
  const { admin } = engine.hatchet;
  const publish = admin.runWorkflows.bind(admin) as unknown as Publish;
  const calls = { before: (_runs: readonly Run[]): void | Promise<void> => undefined, published: [] as Run[] };
  const stub: Publish = async (runs) => {
    await calls.before(runs);
    calls.published.push(...runs);
    return publish(runs);
  };
  Object.defineProperty(admin, 'runWorkflows', { value: stub });
  // It knows no run: a run ends in its body, and nothing else asks.
  const unknown = () => Promise.reject(new Error('/AdminService/GetRunDetails NOT_FOUND: workflow run not found'));
  const runs = { getDetails: unknown, list: () => Promise.resolve({ rows: [] }), cancel: () => Promise.resolve() };
  Object.defineProperty(engine.hatchet, 'runs', { value: runs });
  const fixture = new Fixture(options, engine.hatchet);
  closers.push(() => fixture.close());
  return { engine, fixture, mage: fixture.mage, calls, runs };
}

const outboxOf = (mage: Mageflow) =>
  (mage as unknown as { kernel: { runtime: { outbox: Outbox } } }).kernel.runtime.outbox;
const refused = '/WorkflowService/BulkTriggerWorkflow INVALID_ARGUMENT: Invalid request: not what is taken';

test('thousands of refused items in several swarms end as failed, and a healthy swarm is published meanwhile', async () => {
  const { engine, mage, calls } = open();
  calls.before = (runs) => {
    if (runs.some(({ input }) => input['bad'])) throw new Error(refused);
  };
  const item = mage.task({ name: 'item', fn: () => ({}) });
  engine.serve(item);
  mage.startReconciler();
  const swarmOf = (count: number, data: object, maxConcurrency: number) =>
    mage.swarm({
      tasks: Array.from({ length: count }, () => [item, data] as const),
      config: { maxConcurrency },
      isSwarmClosed: true,
    });
  const bad = await Promise.all([1, 40, 200, 1_000].map((limit) => swarmOf(800, { bad: true }, limit)));
  const healthy = await swarmOf(500, {}, 5);
  const all = [healthy, ...bad];
  await Promise.all(all.map((swarm) => swarm.runNoWait()));
  await eventually('all have ended', async () => {
    const progress = await Promise.all(all.map((swarm) => swarm.progress()));
    return progress.every(({ status }) => status === 'succeeded');
  });
  expect(await healthy.progress()).toMatchObject({ succeeded: 500, failed: 0 });
  for (const swarm of bad) expect(await swarm.progress()).toMatchObject({ succeeded: 0, failed: 800 });
}, 240_000);

test('a failed publication is counted once, and what it makes room for is published, when each call holds bad and good ones', async () => {
  const { engine, mage, calls } = open();
  calls.before = (runs) => {
    if (runs.some(({ input }) => input['bad'])) throw new Error(refused);
  };
  const item = mage.task({ name: 'item', fn: ({ n }: { n: number; bad?: boolean }) => ({ n }) });
  engine.serve(item);
  const swarm = await mage.swarm({
    tasks: Array.from({ length: 600 }, (_, n) => [item, n % 3 ? { n } : { n, bad: true }] as const),
    config: { maxConcurrency: 50 },
    isSwarmClosed: true,
  });
  await swarm.run();
  expect(await swarm.progress()).toMatchObject({ succeeded: 400, failed: 200 });
  expect(new Set(calls.published.map(({ input }) => input['n'])).size).toBe(calls.published.length);
}, 120_000);

test('a call to the engine stays below its limit in bytes, also with text of three bytes a character', async () => {
  const { engine, mage, calls } = open();
  let most = 0;
  calls.before = (runs) => void (most = Math.max(most, Buffer.byteLength(JSON.stringify(runs))));
  const item = mage.task({ name: 'item', fn: () => ({}) });
  engine.serve(item);
  const text = '語'.repeat(80_000);
  const tasks = Array.from({ length: 40 }, () => [item, { text }] as const);
  await (await mage.swarm({ tasks, isSwarmClosed: true })).run();
  expect(calls.published).toHaveLength(40);
  expect(most).toBeLessThan(4 * 1024 * 1024);
  // Full calls all the same.
  expect(most).toBeGreaterThan(2 * 1024 * 1024);
});

test('what waits in a process to be published is bounded by its bytes, and all of it is published in the end', async () => {
  const { engine, fixture, mage, calls } = open();
  const engineBack = gate();
  calls.before = () => engineBack.opened;
  const item = mage.task({ name: 'item', fn: () => ({}) });
  engine.serve(item);
  const kb = 200;
  const count = 300;
  const pad = 'x'.repeat(kb * 1_000);
  const swarm = await mage.swarm({ config: { maxConcurrency: 1_000 } });
  await swarm.addTasks(Array.from({ length: count }, () => [item, { pad }] as const));
  await swarm.closeSwarm();
  const { output } = await swarm.runNoWait();
  const granted = async () => Number(await fixture.redis.hlen(outboxOf(mage)['parts'].store.keys.active(swarm.id)));
  const full = () => outboxOf(mage)['sender'].isFull;
  await eventually('it asks for no more', full);
  // 32 MB, two calls, and what one script hands out.
  expect(await granted()).toBeLessThan(((32 + 2 * 4 + 5) * 1024 * 1024) / pad.length);
  engineBack.open();
  expect(await output).toHaveLength(count);
}, 300_000);

test('an entry that is a swarm is published when that is started, not when all items in it are', async () => {
  const { engine, mage, calls } = open();
  const engineBack = gate();
  calls.before = () => engineBack.opened;
  const item = mage.task({ name: 'item', fn: () => ({}) });
  engine.serve(item);
  const inner = await mage.swarm({ tasks: [item, item], isSwarmClosed: true });
  const outer = await mage.swarm({ tasks: [inner], isSwarmClosed: true });
  const { output } = await outer.runNoWait();
  const outbox = outboxOf(mage);
  await eventually('its items wait for the engine', () => outbox.isPending(inner.id, '0'));
  await eventually('it is started', () => !outbox.isPending(outer.id, '0'));
  expect(outbox.isPending(inner.id, '1')).toBe(true);
  engineBack.open();
  expect(await output).toEqual([[{}, {}]]);
});
