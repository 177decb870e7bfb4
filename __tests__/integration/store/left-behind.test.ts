// The reconciler publishes grants of a dead process. These tests look at one pass: the next one is far away.
import type { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { randomBytes, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { InstantEngine } from '../../../bench/helpers/instant-engine';
import { Mageflow } from '../../../src';
import { resolveOptions } from '../../../src/config/options';
import { GroupStore } from '../../../src/store/group-store';
import { RedisConnection } from '../../../src/store/connection';
import type { Effects } from '../../../src/store/replies';
import { eventually, gate, Log, required } from '../../helpers/fixture';
import { StoreFixture } from '../../helpers/store';

const redis = new Redis(required('REDIS_URL'));
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(() => redis.disconnect());

/** An instance whose the reconciler makes one pass, and another process of the same store that dies. */
function open() {
  const keyPrefix = `test-${randomBytes(5).toString('hex')}`;
  const log = new Log();
  const engine = new InstantEngine('left');
  const mage = new Mageflow(engine.hatchet, redis, {
    keyPrefix,
    logger: log,
    leaseMs: 1_000,
    reconcileIntervalMs: 600_000,
  });
  const settings = resolveOptions({ keyPrefix, leaseMs: 100 }, log);
  const connection = new RedisConnection(redis, settings);
  const { tenantId, config } = engine.hatchet;
  const dying = new GroupStore(connection, settings, tenantId, config.namespace ?? '');
  closers.push(async () => {
    await mage.close();
    connection.close();
    for (const key of await redis.keys(`${keyPrefix}:*`)) await redis.unlink(key);
  });
  const ran: number[] = [];
  const row = mage.task({
    name: 'row',
    fn: ({ n }: { n: number }) => {
      ran.push(n);
      return { n };
    },
  });
  engine.serve(row);
  const swarmOf = (items: number, maxConcurrency: number) =>
    mage.swarm({
      tasks: Array.from({ length: items }, (_, n) => [row, { n }] as const),
      config: { maxConcurrency },
      isSwarmClosed: true,
    });
  return { mage, engine, dying, ran, swarmOf };
}

/** Grants all that may run, as a process does that dies before it publishes any of it. */
async function grantAll(store: GroupStore, id: string, first: { effects: Effects }): Promise<string[]> {
  const entries = first.effects.grants.map(({ entry }) => entry);
  for (let { effects } = first; effects.more;) {
    ({ effects } = await store.grant(id));
    entries.push(...effects.grants.map(({ entry }) => entry));
  }
  return entries;
}

const leasesRanOut = (store: GroupStore, id: string, entries: number) =>
  eventually('the leases have run out', async () => (await store.due(id, 10_000)).entries.length === entries);

const underWay = { done: false, isEvicted: false, input: {}, taskRuns: {} };

/** An engine that doesn't say what has become of a run until the test is over. */
function silence(hatchet: HatchetClient): void {
  const over = gate();
  closers.unshift(() => Promise.resolve(over.open()));
  Object.defineProperty(hatchet, 'runs', { value: { getDetails: () => over.opened.then(() => underWay) } });
}

test('one pass of the reconciler publishes all of 2,500 items that a dead process was granted', async () => {
  const { mage, dying, ran, swarmOf } = open();
  const items = 2_500;
  const swarm = await swarmOf(items, items);
  const granted = await grantAll(dying, swarm.id, await dying.run(swarm.id, '{}'));
  expect(granted).toHaveLength(items);
  await leasesRanOut(dying, swarm.id, items);
  mage.startReconciler();
  await eventually('the swarm has ended', async () => (await swarm.status()) === 'succeeded');
  expect([...ran].sort((a, b) => a - b)).toEqual(Array.from({ length: items }, (_, n) => n));
});

test('grants of a dead process do not wait until the engine has been asked about all earlier runs', async () => {
  const { mage, engine, dying, ran, swarmOf } = open();
  const [published, items] = [250, 400];
  const swarm = await swarmOf(items, published);
  const first = await grantAll(dying, swarm.id, await dying.run(swarm.id, '{}'));
  await dying.confirm(
    swarm.id,
    first.flatMap((entry) => [entry, randomUUID()]),
  );
  await leasesRanOut(dying, swarm.id, published);
  await grantAll(dying, swarm.id, await dying.update(swarm.id, { maxConcurrency: items }));
  await leasesRanOut(dying, swarm.id, items);
  silence(engine.hatchet);
  mage.startReconciler();
  await eventually('all that was granted has run', () => ran.length === items - published);
  expect(Math.min(...ran)).toBe(published);
});

test('one pass of the reconciler asks the engine about each of 1,000 runs whose lease ran out, once', async () => {
  const { mage, engine, dying, swarmOf } = open();
  const items = 1_000;
  const swarm = await swarmOf(items, items);
  const entries = await grantAll(dying, swarm.id, await dying.run(swarm.id, '{}'));
  const runs = new Map(entries.map((entry) => [randomUUID() as string, entry]));
  await dying.confirm(
    swarm.id,
    [...runs].flatMap(([runId, entry]) => [entry, runId]),
  );
  await leasesRanOut(dying, swarm.id, items);
  const asked: string[] = [];
  const getDetails = (runId: string) => {
    asked.push(runId);
    return Promise.resolve(underWay);
  };
  Object.defineProperty(engine.hatchet, 'runs', { value: { getDetails } });
  mage.startReconciler();
  await eventually('all have been asked about', () => new Set(asked).size === items);
  expect(asked).toHaveLength(items);
});

test('one script takes over a part of what was left, when that is large', async () => {
  const fixture = new StoreFixture();
  closers.push(() => fixture.close());
  const { store } = fixture;
  const large = JSON.stringify({ text: 'x'.repeat(100_000) });
  const { id } = await fixture.group(40, { maxConcurrency: 40 });
  for (let index = 0; index < 40; index++) await store.runItem(id, index, large);
  const left = (await store.due(id, 0)).entries;
  expect(left).toEqual([]);
  const all = Array.from({ length: 40 }, (_, n) => ({
    entry: `${n}`,
    state: 'granted',
    process: store.process,
    runId: '',
  }));
  const { expected, effects } = await store.regrantSome(id, all);
  expect(expected.length).toBeGreaterThan(5);
  expect(expected.length).toBeLessThan(15);
  expect(effects.grants.map(({ entry }) => entry)).toEqual(all.slice(0, expected.length).map(({ entry }) => entry));
});
