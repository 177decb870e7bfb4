// A process that lives and publishes nothing although it has work: another one takes it over, unless the engine is away.
import { randomUUID } from 'node:crypto';
import { InstantEngine } from '../../../bench/helpers/instant-engine';
import type { MageflowEvents } from '../../../src';
import { stuckAfterMs } from '../../../src/orchestrator/stalls';
import { eventually, Fixture, gate } from '../../helpers/fixture';

const leaseMs = 600;
const options = { leaseMs, reconcileIntervalMs: 100 };
const away = () => new Error('/WorkflowService/BulkTriggerWorkflow UNAVAILABLE: no connection');
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Two processes on one store, of which each has its own connection to the engine. */
function openTwo() {
  const namespace = `s${randomUUID().slice(0, 8)}`;
  const keyPrefix = `test-${randomUUID().slice(0, 8)}`;
  const ran: number[] = [];
  const open = () => {
    const engine = new InstantEngine(namespace);
    const { admin } = engine.hatchet;
    const publish = admin.runWorkflows.bind(admin) as (runs: readonly unknown[]) => Promise<unknown>;
    /** What the engine does with a call, before it takes it. */
    const link = { call: (): void | Promise<void> => undefined, published: 0 };
    const stub = async (runs: readonly unknown[]) => {
      await link.call();
      link.published += runs.length;
      return publish(runs);
    };
    Object.defineProperty(admin, 'runWorkflows', { value: stub });
    const getDetails = async () => {
      await link.call();
      throw new Error('/AdminService/GetRunDetails NOT_FOUND: workflow run not found');
    };
    const get = () => Promise.reject(Object.assign(new Error('not found'), { response: { status: 404 } }));
    const list = () => Promise.resolve({ rows: [] });
    Object.defineProperty(engine.hatchet, 'runs', { value: { getDetails, get, list } });
    const fixture = new Fixture({ ...options, keyPrefix }, engine.hatchet);
    closers.push(() => fixture.close());
    const item = fixture.mage.task({ name: 'item', fn: ({ n }: { n: number }) => void ran.push(n) });
    engine.serve(item);
    fixture.mage.startReconciler();
    const repairs: MageflowEvents['repair'][] = [];
    fixture.mage.on('repair', (repair) => repairs.push(repair));
    return { fixture, mage: fixture.mage, item, link, repairs };
  };
  return { one: open(), other: open(), ran };
}

/** For how long each process says that it has got no further, in ms. */
async function stuckTimes({ fixture }: { fixture: Fixture }): Promise<number[]> {
  const keys = (await fixture.keys()).filter((key) => key.includes(':process'));
  return (await Promise.all(keys.map((key) => fixture.redis.get(key)))).map(Number);
}

const tasksOf = <T>(item: T) => Array.from({ length: 20 }, (_, n) => [item, { n }] as const);
const numbers = Array.from({ length: 20 }, (_, n) => n);
const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b);

test('what hangs in one process is published by another one, once, and both say so in the log', async () => {
  const { one, other, ran } = openTwo();
  const never = gate();
  one.link.call = () => never.opened;
  closers.push(() => Promise.resolve(never.open()));
  const swarm = await one.mage.swarm({ tasks: tasksOf(one.item), isSwarmClosed: true });
  void swarm.runNoWait();
  await eventually('all have run', async () => (await swarm.progress()).status === 'succeeded');
  expect(sorted(ran)).toEqual(numbers);
  expect([one.link.published, other.link.published]).toEqual([0, 20]);
  expect(one.fixture.log.lines).toContainEqual(
    expect.stringMatching(/^warn .*published nothing for .* 20 publications wait/),
  );
  expect(other.fixture.log.lines).toContainEqual(
    expect.stringMatching(/^warn .*is alive, but has published nothing for .*although work is waiting/),
  );
}, 60_000);

test('while the engine is away from all, nobody takes anything over, and each item is published once when it is back', async () => {
  const { one, other, ran } = openTwo();
  let isAway = true;
  one.link.call = other.link.call = () => {
    if (isAway) throw away();
  };
  const swarm = await one.mage.swarm({ tasks: tasksOf(one.item), isSwarmClosed: true });
  void swarm.runNoWait();
  await eventually(
    'it says so for long',
    async () => Math.max(...(await stuckTimes(one))) > 1.5 * stuckAfterMs(leaseMs),
  );
  isAway = false;
  await eventually('all have run', async () => (await swarm.progress()).status === 'succeeded');
  expect(sorted(ran)).toEqual(numbers);
  expect([one.link.published, other.link.published]).toEqual([20, 0]);
  expect([...one.repairs, ...other.repairs]).toEqual([]);
  await eventually('it has got on', async () => Math.max(...(await stuckTimes(one))) === 0);
}, 60_000);

test('a process that finds the engine again publishes nothing of what another one has taken over meanwhile', async () => {
  const { one, other, ran } = openTwo();
  let isAway = true;
  one.link.call = () => {
    if (isAway) throw away();
  };
  const swarm = await one.mage.swarm({ tasks: tasksOf(one.item), isSwarmClosed: true });
  void swarm.runNoWait();
  await eventually('all have run', async () => (await swarm.progress()).status === 'succeeded');
  isAway = false;
  const next = await one.mage.sign(one.item, { n: 20 });
  await next.run();
  expect(sorted(ran)).toEqual([...numbers, 20]);
  expect([one.link.published, other.link.published]).toEqual([1, 20]);
}, 60_000);
