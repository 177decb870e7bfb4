import { Redis } from 'ioredis';
import { Mageflow, StoreError, type Swarm } from '../../src';
import { claimToken } from '../../src/store/executions';
import { eventually, Log } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { OwnRedis } from '../helpers/own-redis';
import { thrownBy } from '../helpers/refusals';

let server: OwnRedis;
let admin: Redis;
let faults: Faults;

beforeAll(async () => {
  server = await OwnRedis.open();
  admin = new Redis(server.url);
  faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300, commandTimeoutMs: 2_000 }, server.url);
  await faults.worker(faults.recorder.tasks(faults.mage));
});
afterEach(() => setMemory(0));
afterAll(async () => {
  admin.disconnect();
  await faults.close();
  await server.close();
});

const setMemory = (bytes: number) => admin.config('SET', 'maxmemory', String(bytes));

/** Leaves Redis this much room: none at all when it is 0. */
async function leaveRoom(bytes: number): Promise<void> {
  const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
  await setMemory(bytes === 0 ? 1_000_000 : used + bytes);
}

const large = 'x'.repeat(1_000);

test('a swarm that Redis has no room for is refused with that reason, and nothing of it is left', async () => {
  const { mage } = faults;
  // Whatever is made on the way besides the swarm is there already.
  await mage.swarm({ tasks: [['stamp', { n: 0 }]] });
  const groups = async () => (await faults.keys()).filter((key) => key.includes('{') || key.includes(':ids:'));
  const before = await groups();
  await leaveRoom(2_500_000);
  const tasks = Array.from({ length: 5_000 }, (_, n) => ['stamp', { n, large }] as const);
  const error = await thrownBy(() => mage.swarm({ tasks, isSwarmClosed: true }));
  expect(error).toBeInstanceOf(StoreError);
  expect(error.message).toContain('OOM');
  expect(error.message).toContain('maxmemory');
  await setMemory(0);
  expect(await groups()).toEqual(before);
});

test('items that are added until Redis has no room are all in or not, and adding them again by their keys completes the swarm', async () => {
  const swarm = await faults.mage.swarm({ name: 'filled', config: { maxConcurrency: 1 } });
  const count = 5_000;
  const tasks = Array.from({ length: count }, (_, n) => ['stamp', { n, large }, { key: `item ${n}` }] as const);
  await leaveRoom(3_000_000);
  const error = await thrownBy(() => swarm.addTasks(tasks as never));
  expect(error).toBeInstanceOf(StoreError);
  expect(error.message).toContain('OOM');
  const { total } = await swarm.progress();
  expect(total).toBeGreaterThan(0);
  expect(total).toBeLessThan(count);

  await setMemory(0);
  await swarm.addTasks(tasks as never);
  expect(await swarm.progress()).toMatchObject({ total: count, waiting: count, status: 'pending' });
  const [specs] = (await faults.keys()).filter((key) => key.endsWith(`{${swarm.id}}:s`));
  const stored = await faults.redis.hgetall(specs ?? '');
  const keys = Object.keys(stored).filter((field) => field.startsWith('k'));
  expect(new Set(keys.map((key) => stored[key])).size).toBe(count);
});

test('what runs ends and makes room, and the rest goes on when memory is back', async () => {
  const swarm = await faults.mage.swarm({
    tasks: Array.from({ length: 9 }, (_, n) => ['stamp', { n, gate: 'full' }] as const),
    successCallbacks: ['done'],
    config: { maxConcurrency: 3 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  await eventually('the first ones run', async () => (await faults.recorder.started()).length === 3);
  await leaveRoom(0);
  await faults.recorder.open('full');
  await eventually('they have ended', async () => (await swarm.progress()).succeeded === 3);
  expect((await faults.recorder.started()).length).toBe(3);
  await eventually('the next ones wait for their claims', () =>
    faults.log.lines.some((line) => line.includes('waits to be claimed') && line.includes('OOM')),
  );

  await setMemory(0);
  expect(await faults.ended(swarm)).toBe('succeeded');
  expect(await swarm.progress()).toMatchObject({ succeeded: 9, failed: 0 });
  expect((await faults.recorder.started()).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(await faults.callbacks()).toBe(1);
});

test('an end is stored although it brings confirmations, which need room', async () => {
  const { store, reader } = faults.deadProcess({ leaseMs: 3_600_000 });
  const swarm = await faults.mage.swarm({ tasks: ['stamp', 'stamp'], config: { maxConcurrency: 2 } });
  await store.run(swarm.id, '{}');
  const token = claimToken((await reader.record(swarm.id))?.secret ?? '', '0');
  const execution = { runId: 'run-0', retryCount: 0, invocation: 1, nonce: 'n' };
  expect((await store.start(swarm.id, '0', execution, { token })).code).toBe('run');
  await leaveRoom(0);
  const end = { outcome: 'succeeded' as const, payload: '1', retries: 0 };
  expect((await store.finish(swarm.id, '0', execution, { ...end, confirmed: ['1', 'run-1'] })).code).toBe('ended');
  expect((await reader.activeEntry(swarm.id, '1'))?.run).toBe('run-1');
});

describe('a Redis that may delete keys when its memory is full', () => {
  const warnings = (log: Log) => log.lines.filter((line) => line.includes('maxmemory-policy'));

  async function open(policy: string, refuses = false): Promise<Log> {
    await admin.config('SET', 'maxmemory-policy', policy);
    const log = new Log();
    if (refuses) await admin.call('ACL', 'SETUSER', 'default', '-info', '-config');
    const mage = new Mageflow(faults.hatchet, server.url, { logger: log });
    try {
      for (let n = 0; n < 3; n++) await mage.swarm({ name: 'looked at' });
      if (!refuses) await eventually('it has asked', async () => /cmdstat_info/.test(await admin.info('commandstats')));
      // Another answer on the same connection: the first one has arrived.
      await mage.load<Swarm<unknown>>('nothing').catch(() => undefined);
    } finally {
      await mage.close();
      if (refuses) await admin.call('ACL', 'SETUSER', 'default', '+info', '+config');
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
    }
    return log;
  }

  test.each(['allkeys-lru', 'volatile-ttl'])('is warned of once: %s', async (policy) => {
    const log = await open(policy);
    expect(warnings(log)).toEqual([expect.stringContaining(policy) as string]);
    expect(warnings(log)[0]).toContain('noeviction');
  });

  test('noeviction is nothing to warn of', async () => {
    expect(warnings(await open('noeviction'))).toEqual([]);
  });

  test('that does not reveal its policy is used all the same', async () => {
    expect(warnings(await open('allkeys-lru', true))).toEqual([]);
  });
});
